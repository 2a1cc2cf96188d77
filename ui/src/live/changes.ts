/** What the server tells of runs that go on, over one connection, and which answers that makes old. */

import { useQueryClient, type QueryKey } from '@tanstack/react-query';
import { useEffect } from 'react';
import { OWN, queryString } from '../api/client';

/** Answers of a long table that are asked for again by themselves; of more, the next look at the table has to do. */
const LIVE_PAGES = 5;
/** What one connection may watch; the server refuses more. */
const WATCHED = 100;

/** The data of an event. */
export interface Changes {
  run_ids: readonly string[];
  experiment_ids: readonly string[];
}

/** Watches runs, and experiments for their newest runs: what is shown of them is asked for again when they change. */
export function useChanges(watched: Changes): void {
  const client = useQueryClient();
  const runs = watched.run_ids.slice(0, WATCHED - watched.experiment_ids.length);
  const query = queryString({ ...watched, run_ids: runs });
  useEffect(() => {
    if (!query) return undefined;
    const source = new EventSource(`${OWN}/changes?${query}`);
    let hasBegun = false;
    source.addEventListener('changes', ({ data }: MessageEvent<string>) => {
      const told = JSON.parse(data) as Changes;
      const isBeginning = told.run_ids.length + told.experiment_ids.length === 0;
      // After a connection that was lost, nobody knows what has changed meanwhile.
      const changes = isBeginning && hasBegun ? watchedBy(query) : told;
      hasBegun = true;
      void client.invalidateQueries({ predicate: ({ queryKey, state }) => isAbout(queryKey, state.data, changes) });
    });
    return () => source.close();
  }, [client, query]);
}

function watchedBy(query: string): Changes {
  const named = new URLSearchParams(query);
  return { run_ids: named.getAll('run_ids'), experiment_ids: named.getAll('experiment_ids') };
}

/** Whether the answer to a question is about something that has changed. */
export function isAbout([kind, ...rest]: QueryKey, data: unknown, { run_ids, experiment_ids }: Changes): boolean {
  const [first, second] = rest;
  switch (kind) {
    case 'run':
      return run_ids.includes(first as string);
    case 'runs-of':
      return (second as readonly string[]).some((id) => run_ids.includes(id));
    case 'histories':
      return (first as { run_ids: readonly string[] }).run_ids.some((id) => run_ids.includes(id));
    case 'runs': {
      const pages = (data as { pages: unknown[] } | undefined)?.pages.length ?? 0;
      const asked = (first as { experiment_ids: readonly string[] }).experiment_ids;
      return pages <= LIVE_PAGES && asked.some((id) => experiment_ids.includes(id));
    }
    default:
      return false;
  }
}
