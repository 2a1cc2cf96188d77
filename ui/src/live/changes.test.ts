import { describe, expect, it } from 'vitest';
import { isAbout } from './changes';

describe('isAbout', () => {
  const changes = { run_ids: ['r1'], experiment_ids: ['7'] };

  it.each([
    [['run', 'r1'], true],
    [['run', 'r2'], false],
    [['runs-of', '7', ['r2', 'r1']], true],
    [['runs-of', '7', ['r2']], false],
    [['histories', { run_ids: ['r1'], metric_key: 'loss' }], true],
    [['histories', { run_ids: ['r2'], metric_key: 'loss' }], false],
    [['runs', { experiment_ids: ['7'] }], true],
    [['runs', { experiment_ids: ['8'] }], false],
    [['experiment', '7'], false],
  ])('%j: %s', (key, expected) => {
    expect(isAbout(key, undefined, changes)).toBe(expected);
  });

  it('leaves long tables alone', () => {
    const pages = (count: number) => ({ pages: Array.from({ length: count }, () => ({})) });
    expect(isAbout(['runs', { experiment_ids: ['7'] }], pages(5), changes)).toBe(true);
    expect(isAbout(['runs', { experiment_ids: ['7'] }], pages(6), changes)).toBe(false);
  });
});
