import { expect, test } from 'vitest';
import { duration } from './times';

test.each([
  [0, '0 ms'],
  [999, '999 ms'],
  [1234, '1.2 s'],
  [59_400, '59 s'],
  [59_900, '59 s'],
  [184_000, '3 min 4 s'],
  [7_500_000, '2 h 5 min'],
  [97_200_000, '1 d 3 h'],
  [86_400_000, '1 d'],
])('%d ms are %s', (ms, words) => {
  expect(duration(ms)).toBe(words);
});
