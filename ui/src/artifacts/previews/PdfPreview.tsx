import { Loader } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useCallback } from 'react';
import { fetched } from '../../api/client';
import { Failure } from '../../shell/Failure';
import { fileUrl, nameOf } from '../paths';
import { sizeText } from '../sizes';
import classes from './previews.module.css';
import { Nothing, type PreviewProps } from './shared';

/** Bytes of a PDF that are loaded at most: it is kept in memory as a whole. */
const MOST_BYTES = 50 * 1024 * 1024;

/** A PDF in the browser's own viewer. */
export default function PdfPreview(file: PreviewProps) {
  return file.size > MOST_BYTES ? (
    <Nothing>The file is too large to be shown: {sizeText(file.size)}.</Nothing>
  ) : (
    <Viewer {...file} />
  );
}

function Viewer({ runId, path, size }: PreviewProps) {
  const { data, error, refetch } = useQuery({
    queryKey: ['artifact-pdf', runId, path, size],
    queryFn: async ({ signal }) => {
      const bytes = await (await fetched(fileUrl(runId, path), { signal })).arrayBuffer();
      // Whatever it holds, it is a PDF or nothing: never a page of this origin.
      return new Blob([bytes], { type: 'application/pdf' });
    },
    gcTime: 0,
  });
  const show = useCallback(
    (frame: HTMLIFrameElement | null) => {
      if (!frame || !data) return undefined;
      const url = URL.createObjectURL(data);
      frame.src = url;
      return () => URL.revokeObjectURL(url);
    },
    [data],
  );
  if (error) return <Failure title="The file can't be read" error={error} onRepeat={() => void refetch()} />;
  if (!data) return <Loader aria-label="Reading the file" />;
  return <iframe ref={show} title={nameOf(path)} className={classes.frame} />;
}
