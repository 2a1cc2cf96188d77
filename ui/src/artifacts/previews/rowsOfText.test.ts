import { expect, test } from 'vitest';
import { rowsOfText } from './rowsOfText';

test('the first rows are read, and a row that is cut is left out', () => {
  const text = 'a,b\n1,"x, y"\n2,z\n3,w';
  const read = (isWhole: boolean, most: number) => rowsOfText(text, { delimiter: '', isWhole, most });
  const rows = [
    ['1', 'x, y'],
    ['2', 'z'],
    ['3', 'w'],
  ];
  expect(read(true, 9)).toEqual({ columns: ['a', 'b'], rows, hasMore: false });
  expect(read(true, 2)).toEqual({ columns: ['a', 'b'], rows: rows.slice(0, 2), hasMore: true });
  expect(read(false, 9)).toEqual({ columns: ['a', 'b'], rows: rows.slice(0, 2), hasMore: true });
  expect(rowsOfText('a\tb,c\n1\t2', { delimiter: '\t', isWhole: true, most: 9 }).columns).toEqual(['a', 'b,c']);
});
