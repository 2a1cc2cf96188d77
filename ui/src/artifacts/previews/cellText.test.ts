import { expect, test } from 'vitest';
import { cellText } from './cellText';

test('values of any type become text', () => {
  for (const [value, text] of [
    [null, ''],
    ['a', 'a'],
    [12n, '12'],
    [false, 'false'],
    [Number.NaN, 'NaN'],
    [new Date(0), '1970-01-01T00:00:00.000Z'],
    [new Date(Number.NaN), ''],
    [new Uint8Array(3), '3 bytes'],
    [{ a: [1n, null] }, '{"a":["1",null]}'],
  ] as const) {
    expect(cellText(value)).toBe(text);
  }
});
