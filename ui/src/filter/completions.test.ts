import { expect, test } from 'vitest';
import { completed, completionsAt } from './completions';

const NAMES = ['metrics.`loss`', 'metrics.`val loss`', 'params.`lr`', 'attributes.status', 'attributes.start_time'];

function choices(text: string): string[] {
  return completionsAt(text, text.length, NAMES).choices;
}

test('names come first, and behind AND', () => {
  expect(choices('')).toEqual(NAMES);
  expect(choices('params.`lr` = "1" and ')).toEqual(NAMES);
});

test('a word finds the names that hold it, those that begin with it first', () => {
  expect(choices('metrics')).toEqual(['metrics.`loss`', 'metrics.`val loss`']);
  expect(choices('loss')).toEqual(['metrics.`loss`', 'metrics.`val loss`']);
  expect(choices('metrics.`val l')).toEqual(['metrics.`val loss`']);
  expect(choices('ST')).toEqual(['attributes.status', 'attributes.start_time']);
});

test('comparators fit what is compared', () => {
  expect(choices('metrics.`val loss` ')).toContain('<=');
  expect(choices('metrics.`val loss` ')).not.toContain('LIKE');
  expect(choices('params.lr ')).toContain('ILIKE');
  expect(choices('params.lr ')).not.toContain('<');
});

test('values are not guessed, and behind them comes AND', () => {
  expect(choices('metrics.loss < ')).toEqual([]);
  expect(choices('metrics.loss < 1 ')).toEqual(['AND']);
  expect(choices("params.lr LIKE '%a b%' ")).toEqual(['AND']);
  expect(choices('tags.x IS NOT NULL ')).toEqual(['AND']);
});

test('a choice replaces the word before the cursor and leaves the rest', () => {
  const text = 'los < 1';
  const { from } = completionsAt(text, 3, NAMES);
  expect(completed(text, 3, from, 'metrics.`loss`')).toEqual({ text: 'metrics.`loss` < 1', cursor: 15 });
});
