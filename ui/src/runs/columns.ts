/** Columns of runs: what they are called in an address and in the filter language, and what a run has in them. */

import type { Run } from '../api/types';
import { duration, moment } from '../shell/times';

export const KINDS = ['attributes', 'metrics', 'params', 'tags'] as const;
export type Kind = (typeof KINDS)[number];

/** A column: its kind is the filter language's word, its key whatever was logged. */
export interface Column {
  kind: Kind;
  key: string;
}

/** What runs have in columns, by the ids of these. Metrics are numbers, NaN and infinite ones as well; times are milliseconds. */
export type Values = ReadonlyMap<string, string | number>;

/** Attributes of a run that can be shown, and what stands above them. */
const ATTRIBUTES: Record<string, string> = {
  start_time: 'Started',
  duration: 'Duration',
  status: 'Status',
  user_id: 'User',
  end_time: 'Ended',
  run_id: 'Run id',
  dataset: 'Datasets',
  artifact_uri: 'Artifacts',
};
/** Of these, what is made of other things: the server can't order by it. */
const MADE = ['duration', 'dataset'];
/** The columns that are shown until others are picked, beside the first metrics and params. */
const FIRST_ATTRIBUTES = ['start_time', 'duration', 'status'];
/** So many metrics and params are shown until others are picked. */
const FIRST_KEYS = 4;
/** Tags that MLflow sets by itself begin with this. */
const RESERVED = 'mlflow.';
/** As a person counts: `layer2` before `layer10`. */
const NAMES = new Intl.Collator('en', { numeric: true });

/** The column's name in the address, such as `metrics.val/loss`. */
export function idOf(column: Column): string {
  return `${column.kind}.${column.key}`;
}

/** The column of such a name; none for what is no name of a column. */
export function columnOf(id: string): Column | undefined {
  const dot = id.indexOf('.');
  const kind = KINDS.find((one) => one === id.slice(0, dot));
  const key = id.slice(dot + 1);
  return kind && key ? { kind, key } : undefined;
}

/** What stands above the column. */
export function titleOf({ kind, key }: Column): string {
  return kind === 'attributes' ? (ATTRIBUTES[key] ?? key) : key;
}

/** The column in the filter language, quoted: keys hold any character. */
export function identifier(column: Column): string {
  if (column.kind === 'attributes') return idOf(column);
  const quote = column.key.includes('`') ? '"' : '`';
  return `${column.kind}.${quote}${column.key}${quote}`;
}

/** Whether the server can order by the column. */
export function isSortable({ kind, key }: Column): boolean {
  return kind !== 'attributes' || !MADE.includes(key);
}

/** Whether the column is a tag that MLflow sets by itself. */
export function isReserved({ kind, key }: Column): boolean {
  return kind === 'tags' && key.startsWith(RESERVED);
}

/** The name of a run; its id, where it has none. */
export function nameOf(run: Run): string {
  return run.info.run_name ?? run.info.run_id;
}

/** "1 run", "3 runs". */
export function countOfRuns(count: number): string {
  return count === 1 ? '1 run' : `${count} runs`;
}

/** Kept, since rows are drawn again whenever they come into sight. */
const VALUES = new WeakMap<Run, Values>();

/** What a run has in all columns. */
export function valuesOf(run: Run): Values {
  let values = VALUES.get(run);
  if (!values) {
    values = readValues(run);
    VALUES.set(run, values);
  }
  return values;
}

function readValues({ info, data, inputs }: Run): Values {
  const values = new Map<string, string | number>();
  for (const key of ['run_id', 'status', 'user_id', 'artifact_uri', 'start_time', 'end_time'] as const) {
    const value = info[key];
    if (value !== undefined && value !== '') values.set(`attributes.${key}`, value);
  }
  if (info.start_time && info.end_time) values.set('attributes.duration', info.end_time - info.start_time);
  const datasets = inputs?.dataset_inputs?.flatMap(({ dataset }) => dataset?.name ?? []) ?? [];
  if (datasets.length > 0) values.set('attributes.dataset', [...new Set(datasets)].sort(byName).join(', '));
  for (const { key, value } of data?.metrics ?? []) values.set(`metrics.${key}`, Number(value));
  for (const { key, value } of data?.params ?? []) values.set(`params.${key}`, value);
  for (const { key, value } of data?.tags ?? []) values.set(`tags.${key}`, value);
  return values;
}

/** A value as it is shown. */
export function shown(column: Column, value: string | number | undefined): string {
  if (value === undefined) return '';
  if (typeof value === 'string') return value;
  if (column.kind !== 'attributes') return shownNumber(value);
  return column.key === 'duration' ? duration(value) : moment(value);
}

/** A number with six digits, which is what one compares by eye. */
export function shownNumber(value: number): string {
  if (!Number.isFinite(value) || Number.isInteger(value)) return String(value);
  return String(Number(value.toPrecision(6)));
}

/** The columns of such ids, each once: the attributes, then metrics, params and tags by name. */
export function columnsOf(ids: Iterable<Iterable<string>>): Column[] {
  const all = new Set<string>();
  for (const some of ids) for (const id of some) all.add(id);
  const logged = [...all].flatMap((id) => columnOf(id) ?? []).filter(({ kind }) => kind !== 'attributes');
  logged.sort((a, b) => KINDS.indexOf(a.kind) - KINDS.indexOf(b.kind) || byName(a.key, b.key));
  return [...Object.keys(ATTRIBUTES).map((key): Column => ({ kind: 'attributes', key })), ...logged];
}

/** The order of two names. */
export function byName(a: string, b: string): number {
  return NAMES.compare(a, b);
}

/** The columns to show until others are picked. */
export function firstColumns(all: readonly Column[]): string[] {
  const some = (kind: Kind) => all.filter((column) => column.kind === kind).slice(0, FIRST_KEYS);
  return [...FIRST_ATTRIBUTES.map((key) => `attributes.${key}`), ...[...some('metrics'), ...some('params')].map(idOf)];
}
