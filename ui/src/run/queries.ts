/** Questions and changes of one run. */

import { queryOptions, useMutation, useQueryClient } from '@tanstack/react-query';
import { get, post } from '../api/client';
import type { Run } from '../api/types';

export function runQuery(runId: string) {
  return queryOptions({
    queryKey: ['run', runId],
    queryFn: async ({ signal }) => (await get<{ run: Run }>('runs/get', { run_id: runId }, signal)).run,
  });
}

/** A change of a run's tags; without a value, the tag is deleted. */
export interface TagChange {
  key: string;
  value?: string;
}

/** Changes tags of a run, and asks for it again. */
export function useTagChange(runId: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: ({ key, value }: TagChange) =>
      value === undefined
        ? post('runs/delete-tag', { run_id: runId, key })
        : post('runs/set-tag', { run_id: runId, key, value }),
    onSuccess: () =>
      Promise.all([
        client.invalidateQueries({ queryKey: ['run', runId] }),
        client.invalidateQueries({ queryKey: ['runs'] }),
      ]),
  });
}
