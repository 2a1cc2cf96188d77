import { expect, test } from 'vitest';
import { indented, textOf } from './reading';

const beginning = (bytes: number[], isWhole: boolean) => ({ bytes: new Uint8Array(bytes), size: 99, isWhole });

test('text is UTF-8, of which only the last character may be cut', () => {
  const cut = [...new TextEncoder().encode('aé')].slice(0, -1);
  expect(textOf(beginning(cut, false))).toBe('a');
  expect(textOf(beginning(cut, true))).toBeUndefined();
  expect(textOf(beginning([0x80, 0x61], false))).toBeUndefined();
  expect(textOf(beginning([0x61, 0, 0x62], true))).toBeUndefined();
  expect(textOf(beginning([], true))).toBe('');
});

test('JSON on one line is indented unless that would change it', () => {
  expect(indented('{"a":[1]}\n')).toBe('{\n  "a": [\n    1\n  ]\n}');
  for (const text of ['{"id":12345678901234567890}', '{\n"a": 1}', '{"a":', 'NaN']) expect(indented(text)).toBe(text);
});
