import { expect, test } from 'vitest';
import type { Double, MetricWithRunId } from '../api/types';
import { alignedCurves, nearestDrawn, smoothedBy } from './curves';

const PLAIN = { x: 'step', smooth: 0, isLog: false } as const;

function point(run_id: string, step: number, value: Double, timestamp = step * 1000): MetricWithRunId {
  return { run_id, key: 'loss', step, value, timestamp };
}

test('curves share their x values, and a curve has nothing where it has no value', () => {
  const points = [point('a', 0, 3), point('a', 2, 1), point('b', 1, 5)];
  expect(alignedCurves(points, ['a', 'b'], PLAIN)).toEqual([
    [0, 1, 2],
    [3, undefined, 1],
    [undefined, 5, undefined],
  ]);
});

test('what is no finite number is a gap, and so is what a logarithm has no place for', () => {
  const points = [point('a', 0, 'NaN'), point('a', 1, 1.7976931348623157e308), point('a', 2, -1), point('a', 3, 2)];
  expect(alignedCurves(points, ['a'], PLAIN)[1]).toEqual([null, null, -1, 2]);
  expect(alignedCurves(points, ['a'], { ...PLAIN, isLog: true })[1]).toEqual([null, null, null, 2]);
});

test('of two values at one step the later one counts, and the order of answers does not', () => {
  const points = [point('a', 1, 9, 20), point('a', 0, 1, 5), point('a', 1, 4, 10)];
  expect(alignedCurves(points, ['a'], PLAIN)).toEqual([
    [0, 1],
    [1, 9],
  ]);
});

test('relative times begin with each run', () => {
  const points = [point('a', 0, 1, 1000), point('a', 1, 2, 1500), point('b', 0, 3, 9000)];
  expect(alignedCurves(points, ['a', 'b'], { ...PLAIN, x: 'relative' })[0]).toEqual([0, 500]);
  expect(alignedCurves([], ['a'], PLAIN)).toEqual([[], []]);
});

test('smoothing keeps a level, begins at the first value, and passes over gaps', () => {
  const level = expect.closeTo(2, 9) as number;
  expect(smoothedBy(0.9, [2, 2, null, 2])).toEqual([level, level, null, level]);
  expect(smoothedBy(0.5, [1, 4])[1]).toBeCloseTo(3, 9);
  expect(smoothedBy(0, [1, null])).toEqual([1, null]);
});

test('the nearest value is found on either side', () => {
  expect(nearestDrawn([1, undefined, undefined, 4], 1)).toBe(0);
  expect(nearestDrawn([1, undefined, undefined, 4], 2)).toBe(3);
  expect(nearestDrawn([undefined, null], 1)).toBe(1);
});
