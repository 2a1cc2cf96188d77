/** Questions and changes of experiments. */

import {
  infiniteQueryOptions,
  keepPreviousData,
  queryOptions,
  useMutation,
  useQueryClient,
} from '@tanstack/react-query';
import { get, post } from '../api/client';
import type { Experiment, Run, ViewType } from '../api/types';
import { asFilter } from '../filter/asFilter';
import type { ExperimentsSearch } from './search';

/** Experiments in one answer: more than a screen has room for. */
const PAGE = 100;

interface Experiments {
  experiments?: Experiment[];
  next_page_token?: string;
}

/** All experiments that the address asks for, page by page. */
export function experimentsQuery(search: ExperimentsSearch) {
  const { filter = '', sort, ascending, deleted } = search;
  const view_type: ViewType = deleted ? 'DELETED_ONLY' : 'ACTIVE_ONLY';
  const order_by = [`${sort ?? 'last_update_time'} ${ascending ? 'ASC' : 'DESC'}`];
  return infiniteQueryOptions({
    queryKey: ['experiments', { filter, order_by, view_type }],
    queryFn: ({ pageParam, signal }) => {
      const body = { filter: asFilter(filter, 'name'), order_by, view_type, max_results: PAGE, page_token: pageParam };
      return post<Experiments>('experiments/search', body, signal);
    },
    initialPageParam: '',
    getNextPageParam: (last) => last.next_page_token ?? null,
    placeholderData: keepPreviousData,
  });
}

export function experimentQuery(experimentId: string) {
  return queryOptions({
    queryKey: ['experiment', experimentId],
    queryFn: async ({ signal }) => {
      const query = { experiment_id: experimentId };
      return (await get<{ experiment: Experiment }>('experiments/get', query, signal)).experiment;
    },
  });
}

/** The run of an experiment that began last; `null` where there is none. */
export function lastRunQuery(experimentId: string) {
  return queryOptions({
    queryKey: ['last-run', experimentId],
    queryFn: async ({ signal }) => {
      const order_by = ['attributes.start_time DESC'];
      const body = { experiment_ids: [experimentId], order_by, max_results: 1 };
      return (await post<{ runs?: Run[] }>('runs/search', body, signal)).runs?.[0] ?? null;
    },
  });
}

/** A change of experiments, named as the API names it, after which the list is asked for again. */
export function useExperimentChange(name: 'create' | 'update' | 'delete' | 'restore') {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (body: { experiment_id?: string; name?: string; new_name?: string; artifact_location?: string }) =>
      post<{ experiment_id?: string }>(`experiments/${name}`, body),
    onSuccess: () =>
      Promise.all(['experiments', 'experiment'].map((key) => client.invalidateQueries({ queryKey: [key] }))),
  });
}
