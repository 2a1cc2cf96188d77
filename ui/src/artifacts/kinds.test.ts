import { expect, test } from 'vitest';
import { kindOf, languageOf } from './kinds';

test('a name tells how a file is shown', () => {
  for (const [path, kind] of [
    ['model/MLmodel', 'mlmodel'],
    ['a/PLOT.PNG', 'image'],
    ['report.HTML', 'page'],
    ['a.svg', 'page'],
    ['rows.tsv', 'table'],
    ['.html', 'text'],
    ['model.pkl', 'text'],
    ['LICENSE', 'text'],
  ] as const) {
    expect(kindOf(path), path).toBe(kind);
  }
});

test('languages are known by ending or by the whole name', () => {
  expect(['conda.yaml', 'a/MLmodel', 'train.py', 'pyproject.toml', 'x'].map(languageOf)).toEqual([
    'yaml',
    'yaml',
    'py',
    'ini',
    '',
  ]);
});
