import { expect, test } from 'vitest';
import type { Run } from '../api/types';
import { filtered, ownTags, sourceOf, tagOf } from './values';

const run: Run = {
  info: { run_id: 'r', experiment_id: '0' },
  data: {
    tags: [
      { key: 'mlflow.source.name', value: 'train.py' },
      { key: 'mlflow.source.git.commit', value: '0123456789abcdef' },
      { key: 'team', value: 'vision' },
    ],
  },
};

test('tags of MLflow are told from those of people', () => {
  expect(ownTags(run)).toEqual([{ key: 'team', value: 'vision' }]);
  expect(tagOf(run, 'none')).toBeUndefined();
  expect(sourceOf(run)).toBe('train.py at 0123456789');
  expect(sourceOf({ info: run.info })).toBe('');
});

test('a filter finds rows by words of key and value', () => {
  const rows = [
    { key: 'Learning rate', value: 0.1 },
    { key: 'epochs', value: 10 },
  ];
  expect(filtered(rows, ' rate 0.1').map(({ key }) => key)).toEqual(['Learning rate']);
  expect(filtered(rows, '')).toEqual(rows);
  expect(filtered(rows, 'rate 10')).toEqual([]);
});
