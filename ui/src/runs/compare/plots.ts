/** Columns of runs as axes of a plot. */

import { columnOf, idOf, isReserved, shown, titleOf, valuesOf, type Column } from '../columns';
import type { Run } from '../../api/types';

/** A column as an axis: numbers, or words in their order. */
export interface Axis {
  column: Column;
  title: string;
  isTime: boolean;
  /** The words; none for an axis of numbers. */
  words?: string[];
}

/** Parallel coordinates with more axes than this can't be read. */
const MOST_AXES = 8;
const TIMES = ['start_time', 'end_time'];

/** The axis that has room for what these runs have in a column; params that are all numbers are numbers. */
export function axisOf(id: string, runs: readonly Run[]): Axis | undefined {
  const column = columnOf(id);
  if (!column) return undefined;
  const values = runs.flatMap((run) => valuesOf(run).get(id) ?? []);
  const isNumeric = values.every((value) => typeof value === 'number' || isNumber(value));
  const isTime = column.kind === 'attributes' && TIMES.includes(column.key);
  const axis = { column, title: titleOf(column), isTime };
  return isNumeric ? axis : { ...axis, words: [...new Set(values.map(String))].sort() };
}

/** Where a run lies on an axis; nowhere, if it has no such value, or one that is not finite. */
export function placeOn({ column, words }: Axis, run: Run): number | string | undefined {
  const value = valuesOf(run).get(idOf(column));
  if (value === undefined) return undefined;
  if (words) return String(value);
  return Number.isFinite(Number(value)) ? Number(value) : undefined;
}

/** The columns in which not all runs have the same, without tags of MLflow's own. */
export function differing(columns: readonly Column[], runs: readonly Run[]): Column[] {
  return columns.filter((column) => !isReserved(column) && !areEqual(column, runs));
}

/** Whether all runs have the same in a column. */
export function areEqual(column: Column, runs: readonly Run[]): boolean {
  const values = runs.map((run) => shown(column, valuesOf(run).get(idOf(column))));
  return values.every((value) => value === values[0]);
}

/** The axes to show until others are picked: what was tried, then what came of it. */
export function firstAxes(columns: readonly Column[], runs: readonly Run[]): string[] {
  const differ = differing(columns, runs);
  const of = (kind: Column['kind']) => differ.filter((column) => column.kind === kind);
  return [...of('params').slice(0, MOST_AXES / 2), ...of('metrics').slice(0, MOST_AXES / 2)].map(idOf);
}

function isNumber(text: string): boolean {
  return text.trim() !== '' && !Number.isNaN(Number(text));
}
