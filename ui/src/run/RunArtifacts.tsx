import type { Run } from '../api/types';
import { ArtifactBrowser } from '../artifacts/ArtifactBrowser';

interface Props {
  run: Run;
  path: string | undefined;
  onPath: (path: string | undefined) => void;
}

/** The files of the run. */
export default function RunArtifacts({ run: { info }, path, onPath }: Props) {
  return (
    <ArtifactBrowser key={info.run_id} runId={info.run_id} root={info.artifact_uri ?? ''} path={path} onPath={onPath} />
  );
}
