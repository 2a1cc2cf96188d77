/** Questions about traces. */

import { infiniteQueryOptions, keepPreviousData, queryOptions } from '@tanstack/react-query';
import { get, post } from '../api/client';
import type { Span, TraceInfo } from '../api/types';
import { asFilter } from '../filter/asFilter';
import type { TracesSearch } from './search';

/** Traces in one answer. */
const PAGE = 100;
const VERSION = '3.0';

interface Traces {
  traces?: TraceInfo[];
  next_page_token?: string;
}

/** All traces that the address asks for, page by page. */
export function tracesQuery(experimentId: string, { filter = '', ascending }: TracesSearch) {
  const body = {
    locations: [{ type: 'MLFLOW_EXPERIMENT', mlflow_experiment: { experiment_id: experimentId } }],
    filter: asFilter(filter, 'name'),
    order_by: [`timestamp ${ascending ? 'ASC' : 'DESC'}`],
    max_results: PAGE,
  };
  return infiniteQueryOptions({
    queryKey: ['traces', body],
    queryFn: ({ pageParam, signal }) =>
      post<Traces>('traces/search', { ...body, page_token: pageParam }, signal, VERSION),
    initialPageParam: '',
    getNextPageParam: (last) => last.next_page_token ?? null,
    placeholderData: keepPreviousData,
  });
}

export function traceQuery(traceId: string) {
  return queryOptions({
    queryKey: ['trace', traceId],
    queryFn: async ({ signal }) => {
      const path = `traces/${encodeURIComponent(traceId)}`;
      return (await get<{ trace: { trace_info: TraceInfo } }>(path, {}, signal, VERSION)).trace.trace_info;
    },
  });
}

/** The spans of a trace, wherever they are kept. */
export function spansQuery(traceId: string) {
  return queryOptions({
    queryKey: ['spans', traceId],
    queryFn: async ({ signal }) =>
      (await get<{ spans?: Span[] }>('get-trace-artifact', { request_id: traceId }, signal, VERSION)).spans ?? [],
  });
}
