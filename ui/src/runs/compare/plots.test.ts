import { expect, test } from 'vitest';
import type { Run } from '../../api/types';
import { columnsOf, idOf, valuesOf } from '../columns';
import { axisOf, differing, firstAxes, placeOn } from './plots';

function run(run_id: string, lr: string, optimizer: string, loss: number | 'NaN'): Run {
  const params = [
    { key: 'lr', value: lr },
    { key: 'optimizer', value: optimizer },
    { key: 'epochs', value: '10' },
  ];
  return {
    info: { run_id, experiment_id: '1' },
    data: { params, metrics: [{ key: 'loss', value: loss, timestamp: 1 }] },
  };
}

const FIRST = run('a', '0.1', 'sgd', 0.5);
const SECOND = run('b', '1e-2', 'adam', 'NaN');
const RUNS = [FIRST, SECOND];
const COLUMNS = columnsOf(RUNS.map((one) => valuesOf(one).keys()));

test('params that are all numbers make an axis of numbers, others one of words', () => {
  expect(axisOf('params.lr', RUNS)?.words).toBeUndefined();
  expect(axisOf('params.optimizer', RUNS)?.words).toEqual(['adam', 'sgd']);
  expect(axisOf('nothing', RUNS)).toBeUndefined();
});

test('a run without a finite value has no place', () => {
  const lr = axisOf('params.lr', RUNS);
  const loss = axisOf('metrics.loss', RUNS);
  expect(lr && placeOn(lr, SECOND)).toBe(0.01);
  expect(loss && placeOn(loss, FIRST)).toBe(0.5);
  expect(loss && placeOn(loss, SECOND)).toBeUndefined();
});

test('columns in which all agree are left out', () => {
  expect(differing(COLUMNS, RUNS).map(idOf)).toEqual([
    'attributes.run_id',
    'metrics.loss',
    'params.lr',
    'params.optimizer',
  ]);
  expect(firstAxes(COLUMNS, RUNS)).toEqual(['params.lr', 'params.optimizer', 'metrics.loss']);
});
