import { Badge } from '@mantine/core';
import type { RunStatus } from '../api/types';

const COLORS: Record<RunStatus, string> = {
  RUNNING: 'blue',
  SCHEDULED: 'gray',
  FINISHED: 'green',
  FAILED: 'red',
  KILLED: 'orange',
};

/** The status of a run; the word says it, the colour only helps to find it. */
export function StatusBadge({ status }: { status: RunStatus | undefined }) {
  if (!status) return null;
  return (
    <Badge
      size="sm"
      variant="outline"
      color={COLORS[status]}
      styles={{ label: { color: 'var(--mantine-color-text)' } }}
    >
      {status.toLowerCase()}
    </Badge>
  );
}
