import { expect, test } from 'vitest';
import { compareSearch } from '../runs/compare/search';
import { runsSearch } from '../runs/search';

test('what an address says is kept where it makes sense', () => {
  const said = {
    filter: 'metrics.loss < 1',
    sort: 'metrics.loss',
    ascending: true,
    columns: ['params.lr', 'params.lr'],
  };
  expect(runsSearch(said)).toEqual({ ...said, columns: ['params.lr'], selected: undefined, deleted: undefined });
});

test('what makes no sense is as if it was not there', () => {
  const nothing = Object.values(
    runsSearch({ filter: {}, sort: '', ascending: 'yes', columns: [1, null], selected: 'a' }),
  );
  expect(nothing.every((value) => value === undefined)).toBe(true);
  expect(compareSearch({ view: 'table', smooth: 7, x: 'weeks', log: 1 })).toMatchObject({ view: 'table' });
  expect(compareSearch({ smooth: 7, x: 'weeks' })).toMatchObject({ smooth: undefined, x: undefined });
});

test('words that the router reads as numbers are texts again', () => {
  expect(runsSearch({ filter: 12 }).filter).toBe('12');
});
