/** Questions and changes of runs. */

import {
  infiniteQueryOptions,
  keepPreviousData,
  queryOptions,
  useMutation,
  useQueryClient,
} from '@tanstack/react-query';
import { post } from '../api/client';
import type { Run, ViewType } from '../api/types';
import { asFilter } from '../filter/asFilter';
import { forAll, type Outcome } from './bulk';
import { columnOf, identifier, valuesOf } from './columns';
import type { RunsSearch } from './search';

/** Runs in one answer to a table. The first one has to be there at once. */
const PAGE = 200;
/** How runs are ordered until something else is chosen. */
export const FIRST_ORDER = 'attributes.start_time';

/** One answer of `runs/search`. */
export interface Runs {
  runs?: Run[];
  next_page_token?: string;
}

/** What the server is asked for a view of the table, without the page. */
export function searchBody(experimentId: string, { filter = '', sort, ascending, deleted }: RunsSearch) {
  const view: ViewType = deleted ? 'DELETED_ONLY' : 'ACTIVE_ONLY';
  const column = columnOf(sort ?? FIRST_ORDER);
  return {
    experiment_ids: [experimentId],
    filter: asFilter(filter, 'attributes.run_name'),
    run_view_type: view,
    order_by: column ? [`${identifier(column)} ${ascending ? 'ASC' : 'DESC'}`] : [],
  };
}

/** All runs that the address asks for, page by page. */
export function runsQuery(experimentId: string, search: RunsSearch) {
  const body = searchBody(experimentId, search);
  return infiniteQueryOptions({
    queryKey: ['runs', body],
    queryFn: ({ pageParam, signal }) =>
      post<Runs>('runs/search', { ...body, max_results: PAGE, page_token: pageParam }, signal),
    initialPageParam: '',
    getNextPageParam: (last) => last.next_page_token ?? null,
    placeholderData: keepPreviousData,
  });
}

/** The runs of a comparison, deleted ones as well, in the order of their ids. */
export function comparedQuery(experimentId: string, ids: readonly string[]) {
  return queryOptions({
    queryKey: ['runs-of', experimentId, ids],
    queryFn: async ({ signal }) => {
      if (ids.length === 0) return [];
      const filter = `attributes.run_id IN (${ids.map((id) => `'${id.replaceAll("'", '')}'`).join(', ')})`;
      const body = { experiment_ids: [experimentId], filter, run_view_type: 'ALL', max_results: ids.length };
      const { runs = [] } = await post<Runs>('runs/search', body, signal);
      const found = new Map(runs.map((run) => [run.info.run_id, run]));
      return ids.flatMap((id) => found.get(id) ?? []);
    },
    placeholderData: keepPreviousData,
  });
}

/** The ids of the columns that the runs of an answer have. */
export function columnIdsOf(page: Runs): ReadonlySet<string> {
  let ids = COLUMN_IDS.get(page);
  if (!ids) {
    ids = new Set((page.runs ?? []).flatMap((run) => [...valuesOf(run).keys()]));
    COLUMN_IDS.set(page, ids);
  }
  return ids;
}

/** Kept, since the answers of a long table are looked through whenever another one comes. */
const COLUMN_IDS = new WeakMap<Runs, ReadonlySet<string>>();

/** A change of many runs. */
export type RunsChange = { name: 'delete' | 'restore' } | { name: 'set-tag'; key: string; value: string };

/** Does the same to each of many runs, and says for how many that failed. The table is asked for again. */
export function useRunsChange() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: ({
      ids,
      change: { name, ...rest },
    }: {
      ids: readonly string[];
      change: RunsChange;
    }): Promise<Outcome> => forAll(ids, (run_id) => post(`runs/${name}`, { run_id, ...rest })),
    onSettled: () =>
      Promise.all(['runs', 'runs-of', 'run', 'summaries'].map((key) => client.invalidateQueries({ queryKey: [key] }))),
  });
}
