/** Histories of metrics, as few points as a chart can show. */

import { keepPreviousData, queryOptions } from '@tanstack/react-query';
import { get } from '../api/client';
import type { MetricWithRunId } from '../api/types';

/** Points of each run: a chart has about as many pixels. The server picks them evenly, with the first and the last. */
const POINTS = 400;

/** Steps that a chart is zoomed to, both included. */
export interface StepRange {
  start: number;
  end: number;
}

interface Asked {
  runIds: readonly string[];
  metric: string;
  /** All steps, where there is none. */
  range?: StepRange;
}

/** The points of a metric in many runs. */
export function historiesQuery({ runIds, metric, range }: Asked) {
  const query = {
    run_ids: runIds,
    metric_key: metric,
    start_step: range?.start,
    end_step: range?.end,
    max_results: POINTS,
  };
  return queryOptions({
    queryKey: ['histories', query],
    queryFn: async ({ signal }) => {
      const path = 'metrics/get-history-bulk-interval';
      return (await get<{ metrics?: MetricWithRunId[] }>(path, query, signal)).metrics ?? [];
    },
    placeholderData: keepPreviousData,
  });
}
