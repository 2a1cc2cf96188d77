import { expect, test } from 'vitest';
import type { Run } from '../api/types';
import { columnOf, columnsOf, firstColumns, idOf, identifier, shown, shownNumber, valuesOf } from './columns';

const RUN: Run = {
  info: { run_id: 'r', experiment_id: '1', run_name: 'first', start_time: 1000, end_time: 2500, user_id: '' },
  data: {
    metrics: [
      { key: 'val.loss', value: 'NaN', timestamp: 1 },
      { key: 'acc', value: 0.5, timestamp: 1 },
    ],
    params: [{ key: 'lr', value: '0.1' }],
    tags: [{ key: 'mlflow.user', value: 'me' }],
  },
  inputs: { dataset_inputs: ['wine', 'air', 'wine'].map((name) => ({ dataset: { name, digest: name } })) },
};

test('an id is split at its first dot', () => {
  expect(columnOf('metrics.val.loss')).toEqual({ kind: 'metrics', key: 'val.loss' });
  for (const id of ['loss', 'metrics.', 'datasets.name', '.loss']) expect(columnOf(id)).toBeUndefined();
});

test('keys are quoted for the filter language', () => {
  expect(identifier({ kind: 'metrics', key: 'val loss' })).toBe('metrics.`val loss`');
  expect(identifier({ kind: 'tags', key: 'a`b' })).toBe('tags."a`b"');
  expect(identifier({ kind: 'attributes', key: 'start_time' })).toBe('attributes.start_time');
});

test('a run has values by column, and none where nothing was set', () => {
  const values = valuesOf(RUN);
  expect(values.get('metrics.val.loss')).toBeNaN();
  expect(values.get('attributes.duration')).toBe(1500);
  expect(values.get('params.lr')).toBe('0.1');
  expect(values.get('attributes.dataset')).toBe('air, wine');
  expect(values.has('attributes.user_id')).toBe(false);
});

test('columns are sorted by kind, then by name as a person counts', () => {
  const columns = columnsOf([
    ['params.layer10', 'metrics.b'],
    ['params.layer2', 'metrics.b', 'nothing'],
  ]);
  const logged = columns.filter(({ kind }) => kind !== 'attributes').map(idOf);
  expect(logged).toEqual(['metrics.b', 'params.layer2', 'params.layer10']);
  expect(firstColumns(columns)).toContain('metrics.b');
});

test('numbers are cut to six digits, durations and times are told in words', () => {
  expect(shownNumber(0.123456789)).toBe('0.123457');
  expect(shownNumber(123456789)).toBe('123456789');
  expect(shownNumber(Number.NaN)).toBe('NaN');
  expect(shown({ kind: 'attributes', key: 'duration' }, 1500)).toBe('1.5 s');
  expect(shown({ kind: 'params', key: 'lr' }, undefined)).toBe('');
});
