import { ago, moment } from './times';

/** A time as "3 hours ago", with the exact one for whoever points at it. `time` is in milliseconds. */
export function Time({ time }: { time: number | undefined }) {
  if (!time) return null;
  return (
    <time dateTime={new Date(time).toISOString()} title={moment(time)}>
      {ago(time)}
    </time>
  );
}
