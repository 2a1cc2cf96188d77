/** What was logged to a run, as its overview shows it. */

import type { KeyValue, Run } from '../api/types';

/** Metrics of the machine that a run was on begin with this. */
const SYSTEM = 'system/';
/** Tags that MLflow sets by itself begin with this. */
const RESERVED = 'mlflow.';
/** The tag that holds the run's note, in Markdown. */
export const NOTE = 'mlflow.note.content';

export function isSystemMetric(key: string): boolean {
  return key.startsWith(SYSTEM);
}

/** The value of a tag. */
export function tagOf(run: Run, key: string): string | undefined {
  return run.data?.tags?.find((tag) => tag.key === key)?.value;
}

/** The tags that people set. */
export function ownTags(run: Run): KeyValue[] {
  return (run.data?.tags ?? []).filter(({ key }) => !key.startsWith(RESERVED));
}

/** What a run came out of: the program, and the version of its code. */
export function sourceOf(run: Run): string {
  const name = tagOf(run, 'mlflow.source.name') ?? '';
  const commit = tagOf(run, 'mlflow.source.git.commit');
  return commit ? `${name} at ${commit.slice(0, 10)}`.trim() : name;
}

/** The rows of which a key or a value has the words of a filter. */
export function filtered<T extends { key: string; value: unknown }>(rows: readonly T[], filter: string): T[] {
  const words = filter.toLowerCase().split(/\s+/).filter(Boolean);
  return rows.filter(({ key, value }) => {
    const row = `${key} ${String(value)}`.toLowerCase();
    return words.every((word) => row.includes(word));
  });
}
