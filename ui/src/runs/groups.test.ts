import { describe, expect, it } from 'vitest';
import type { Run } from '../api/types';
import { columnsOf, idOf } from './columns';
import { groupingColumns, meanOf } from './groups';

function run(loss?: number | string): Run {
  const metrics = loss === undefined ? [] : [{ key: 'loss', value: loss as number, timestamp: 1, step: 0 }];
  return { info: { run_id: 'r', experiment_id: '0', status: 'FINISHED' }, data: { metrics } } as unknown as Run;
}

describe('meanOf', () => {
  it('leaves out runs without a finite value', () => {
    expect(meanOf('metrics.loss', [run(1), run(2), run('NaN'), run()])).toBe('1.5');
    expect(meanOf('metrics.loss', [run(), run('Infinity')])).toBeUndefined();
  });
});

describe('groupingColumns', () => {
  it('offers what runs share', () => {
    const all = columnsOf([['metrics.loss', 'params.lr', 'tags.team', 'tags.mlflow.source.name']]);
    expect(groupingColumns(all).map(idOf)).toEqual([
      'attributes.status',
      'attributes.user_id',
      'attributes.dataset',
      'params.lr',
      'tags.team',
    ]);
  });
});
