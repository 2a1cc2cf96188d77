import { useRouter } from '@tanstack/react-router';
import { Markdown } from '../../markdown/Markdown';
import { fileUrl, linked } from '../paths';
import { OfText, type PreviewProps } from './shared';

/** Bytes of Markdown that are shown at most. */
const MOST_BYTES = 256 * 1024;

/** Markdown, with pictures and links of the same run. */
export default function MarkdownPreview(file: PreviewProps) {
  const { runId, path } = file;
  const router = useRouter();
  const pictureOf = (link: string) => {
    const picture = linked(path, link);
    return picture && fileUrl(runId, picture);
  };
  const placeOf = (link: string) => {
    const target = linked(path, link);
    if (target === undefined) return undefined;
    const search = { tab: 'artifacts', path: target } as const;
    return router.history.createHref(router.buildLocation({ to: '/runs/$runId', params: { runId }, search }).href);
  };
  return (
    <OfText {...file} most={MOST_BYTES}>
      {(text) => <Markdown text={text} pictureOf={pictureOf} placeOf={placeOf} />}
    </OfText>
  );
}
