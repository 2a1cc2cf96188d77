import { expect, test } from 'vitest';
import { failureOf, forAll } from './bulk';

test('each id is tried once, and failures are told', async () => {
  const tried: string[] = [];
  const ids = Array.from({ length: 20 }, (_, number) => `run-${number}`);
  const outcome = await forAll(ids, async (id) => {
    await Promise.resolve();
    tried.push(id);
    if (id === 'run-3' || id === 'run-7') throw new Error(`no ${id}`);
  });
  expect(tried.sort()).toEqual(ids.sort());
  expect(outcome.failed.sort()).toEqual(['run-3', 'run-7']);
  expect(outcome.reason).toBe('no run-3');
});

test('a failure tells for how many, and why the first', () => {
  expect(failureOf({ failed: [] }, 3)).toBeUndefined();
  expect(failureOf({ failed: ['a'], reason: 'gone' }, 3)?.message).toBe('It failed for 1 of 3: gone');
});
