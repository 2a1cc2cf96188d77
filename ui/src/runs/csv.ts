/** Runs as a table in a file. */

import { unparse } from 'papaparse';
import { post } from '../api/client';
import type { Run } from '../api/types';
import { columnsOf, idOf, isReserved, nameOf, valuesOf } from './columns';
import { searchBody, type Runs } from './queries';
import type { RunsSearch } from './search';

/** Runs in one answer: few answers, and none that takes long. */
const PAGE = 1000;
/** Times are told as numbers of these, which every program reads. */
const TIMES = new Set(['attributes.start_time', 'attributes.end_time']);
/** What a spreadsheet would run, and not a number with its sign. */
const FORMULA = /^(?![-+]?[\d.]+(?:e[-+]?\d+)?$)[=+\-@\t\r]/i;

/** All runs of a view, also those that the table has not loaded. `onProgress` hears how many there are so far. */
export async function allRuns(experimentId: string, search: RunsSearch, onProgress: (count: number) => void) {
  const body = searchBody(experimentId, search);
  const runs: Run[] = [];
  let page_token: string | undefined = '';
  while (page_token !== undefined) {
    const page: Runs = await post<Runs>('runs/search', { ...body, max_results: PAGE, page_token });
    for (const run of page.runs ?? []) runs.push(run);
    onProgress(runs.length);
    page_token = page.next_page_token;
  }
  return runs;
}

/** A line for each run, with all that was logged to any of them; times in ISO 8601, durations in milliseconds. */
export function csvOf(runs: readonly Run[]): string {
  const columns = columnsOf(runs.map((run) => valuesOf(run).keys())).filter((column) => !isReserved(column));
  const ids = columns.map(idOf);
  const lines = runs.map((run) => [nameOf(run), ...ids.map((id) => cell(id, valuesOf(run).get(id)))]);
  return unparse([['attributes.run_name', ...ids], ...lines], { escapeFormulae: FORMULA });
}

function cell(id: string, value: string | number | undefined): string | number {
  if (value === undefined) return '';
  return TIMES.has(id) ? new Date(value).toISOString() : value;
}

/** Hands a text to the browser as a file. */
export function save(name: string, text: string): void {
  const url = URL.createObjectURL(new Blob([text], { type: 'text/csv;charset=utf-8' }));
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  URL.revokeObjectURL(url);
}
