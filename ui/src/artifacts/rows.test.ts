import { expect, test } from 'vitest';
import { afterKey, rowsOf, type Folder } from './rows';

const folders = new Map<string, Folder>([
  [
    '',
    {
      files: [
        { path: 'a', is_dir: true },
        { path: 'b', is_dir: true },
        { path: 'c.txt', is_dir: false, file_size: 1 },
      ],
    },
  ],
  ['a', { files: [{ path: 'a/d.txt', is_dir: false }] }],
  ['b', {}],
  ['elsewhere', { files: [{ path: 'elsewhere/e', is_dir: false }] }],
]);

test('open folders have their files below them', () => {
  const rows = rowsOf(folders);
  expect(rows.map(({ file, level, note }) => [file.path, level, note])).toEqual([
    ['a', 1, undefined],
    ['a/d.txt', 2, undefined],
    ['b', 1, 'loading'],
    ['c.txt', 1, undefined],
  ]);
  expect(rows.map(({ position, count }) => `${position}/${count}`)).toEqual(['1/3', '1/1', '2/3', '3/3']);
  const ended = new Map<string, Folder>([...folders, ['a', { error: new Error('no') }], ['b', { files: [] }]]);
  expect(rowsOf(ended).map(({ note }) => note)).toEqual(['failed', 'empty', undefined]);
});

test('keys lead through the tree as through any other', () => {
  const rows = rowsOf(folders);
  expect(afterKey(rows, 0, 'ArrowDown')).toEqual({ to: 1 });
  expect(afterKey(rows, 3, 'ArrowDown')).toEqual({ to: 3 });
  expect(afterKey(rows, 0, 'ArrowUp')).toEqual({ to: 0 });
  expect(afterKey(rows, 0, 'ArrowRight')).toEqual({ to: 1 });
  expect(afterKey(rows, 1, 'ArrowRight')).toEqual({});
  expect(afterKey(rows, 1, 'ArrowLeft')).toEqual({ to: 0 });
  expect(afterKey(rows, 0, 'ArrowLeft')).toEqual({ toggle: true });
  expect([afterKey(rows, 1, 'End'), afterKey(rows, 1, 'Home')]).toEqual([{ to: 3 }, { to: 0 }]);
  expect(afterKey(rows, 0, 'x')).toBeUndefined();
});
