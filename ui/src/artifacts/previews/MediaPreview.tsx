import { fileUrl, nameOf } from '../paths';
import classes from './previews.module.css';
import type { PreviewProps } from './shared';

/** A sound. The browser asks for the pieces that it plays. */
export default function AudioPreview({ runId, path }: PreviewProps) {
  return (
    // eslint-disable-next-line jsx-a11y/media-has-caption -- whoever logged the file wrote none.
    <audio
      controls
      preload="metadata"
      src={fileUrl(runId, path)}
      aria-label={nameOf(path)}
      className={classes.player}
    />
  );
}

/** A film. The browser asks for the pieces that it plays. */
export function VideoPreview({ runId, path }: PreviewProps) {
  return (
    // eslint-disable-next-line jsx-a11y/media-has-caption -- whoever logged the file wrote none.
    <video
      controls
      preload="metadata"
      src={fileUrl(runId, path)}
      aria-label={nameOf(path)}
      className={classes.player}
    />
  );
}
