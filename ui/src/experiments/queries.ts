/** Questions and changes of experiments. */

import {
  infiniteQueryOptions,
  keepPreviousData,
  queryOptions,
  useMutation,
  useQueries,
  useQueryClient,
} from '@tanstack/react-query';
import { get, getOwn, post } from '../api/client';
import type { Experiment, ViewType } from '../api/types';
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

/** The runs of an experiment in a few numbers. */
export interface Summary {
  experiment_id: string;
  runs: number;
  last_activity_time?: number;
}

/** How many runs experiments have, and when the last one went on. Those without runs are left out. */
function summariesQuery(experimentIds: readonly string[]) {
  return queryOptions({
    queryKey: ['summaries', experimentIds],
    queryFn: async ({ signal }) => {
      const query = { experiment_ids: experimentIds };
      return (await getOwn<{ experiments: Summary[] }>('experiments/summaries', query, signal)).experiments;
    },
  });
}

/** The summaries of a list of experiments by their ids, as far as they are there, asked for as the list came. */
export function useSummaries(experiments: readonly Experiment[]): ReadonlyMap<string, Summary> {
  const pages = Math.ceil(experiments.length / PAGE);
  const queries = Array.from({ length: pages }, (_, page) =>
    summariesQuery(experiments.slice(page * PAGE, (page + 1) * PAGE).map((experiment) => experiment.experiment_id)),
  );
  return useQueries({ queries, combine: byId });
}

function byId(results: { data?: Summary[] | undefined }[]): ReadonlyMap<string, Summary> {
  const all = results.flatMap(({ data }) => data ?? []);
  return new Map(all.map((summary) => [summary.experiment_id, summary]));
}

/** What the files of an experiment weigh together. */
export interface Weight {
  files: number;
  bytes: number;
  /** Whether all of them were counted. */
  is_complete: boolean;
}

export function weightQuery(experimentId: string) {
  return queryOptions({
    queryKey: ['weight', experimentId],
    queryFn: ({ signal }) => getOwn<Weight>('experiments/weight', { experiment_id: experimentId }, signal),
    // Somebody waits for it, and a destination that can't be read stays so.
    retry: false,
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
