/** Histories as columns of numbers, which is what a chart draws. */

import uPlot, { type AlignedData } from 'uplot';
import type { MetricWithRunId } from '../api/types';
import type { CurveView } from './view';

/** The server keeps infinite values as the largest numbers there are. */
const INFINITE = 1.797e308;

/** A value that can be drawn; `null` is a gap. */
type Drawn = number | null;

/** The x values of all runs, and beside them the y values of each run, in the order of `runIds`. */
export function alignedCurves(
  points: readonly MetricWithRunId[],
  runIds: readonly string[],
  view: CurveView,
): AlignedData {
  const byRun = new Map<string, MetricWithRunId[]>(runIds.map((id) => [id, []]));
  for (const point of points) byRun.get(point.run_id)?.push(point);
  const tables = [...byRun.values()].map((history) => curve(history, view));
  return tables.length > 0 ? uPlot.join(tables) : [[]];
}

/** One run's curve. Where a step was logged twice, the later value counts. */
function curve(history: readonly MetricWithRunId[], { x, smooth, isLog }: CurveView): AlignedData {
  const begin = history.reduce((least, point) => Math.min(least, point.timestamp), Infinity);
  const at = (point: MetricWithRunId) => {
    if (x === 'step') return point.step ?? 0;
    return x === 'time' ? point.timestamp : point.timestamp - begin;
  };
  const sorted = history.toSorted((a, b) => at(a) - at(b) || a.timestamp - b.timestamp);
  const values = new Map(sorted.map((point) => [at(point), drawn(Number(point.value))]));
  const smoothed = smoothedBy(smooth, [...values.values()]);
  return [[...values.keys()], isLog ? smoothed.map((y) => (y !== null && y > 0 ? y : null)) : smoothed];
}

function drawn(value: number): Drawn {
  return Number.isNaN(value) || Math.abs(value) >= INFINITE ? null : value;
}

/**
 * The exponential moving average, with the weight of the missing past taken out, so that the first values are not drawn
 * to zero. A gap stays a gap, and is passed over.
 */
export function smoothedBy(weight: number, values: readonly Drawn[]): Drawn[] {
  if (weight <= 0) return [...values];
  let sum = 0;
  let total = 0;
  return values.map((value) => {
    if (value === null) return null;
    sum = sum * weight + value * (1 - weight);
    total = total * weight + (1 - weight);
    return sum / total;
  });
}

/** The place of the drawn value of a curve that is nearest to a place; this one, where the curve has none. */
export function nearestDrawn(values: ArrayLike<number | null | undefined>, place: number): number {
  for (let distance = 0; distance < values.length; distance += 1) {
    if (values[place - distance] != null) return place - distance;
    if (values[place + distance] != null) return place + distance;
  }
  return place;
}
