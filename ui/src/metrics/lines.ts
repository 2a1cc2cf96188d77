/** How runs are told apart in charts. */

import type { Run } from '../api/types';
import { nameOf } from '../runs/columns';

/** One run in a chart. */
export interface Line {
  runId: string;
  label: string;
  color: string;
}

/** Ten hues that are seen on white and on black, and told apart with the common kinds of colour blindness (Tableau 10). */
const COLORS = [
  '#4e79a7',
  '#f28e2b',
  '#e15759',
  '#59a14f',
  '#b07aa1',
  '#76b7b2',
  '#9c755f',
  '#d4a72c',
  '#ff9da7',
  '#8a8a8a',
];

/** A line for each run; the place of a run in the comparison gives the colour, in all of its charts. */
export function linesOf(runs: readonly Run[]): Line[] {
  return runs.map((run, index) => ({
    runId: run.info.run_id,
    label: nameOf(run),
    color: COLORS[index % COLORS.length] ?? '',
  }));
}
