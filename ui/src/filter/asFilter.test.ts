import { expect, test } from 'vitest';
import { asFilter } from './asFilter';

test('plain words are looked for in the name', () => {
  expect(asFilter(' my run ', 'name')).toBe("name ILIKE '%my run%'");
  expect(asFilter("it's in May", 'name')).toBe('name ILIKE "%it\'s in May%"');
  expect(asFilter('  ', 'name')).toBe('');
});

test.each([
  'metrics.loss < 1',
  "name LIKE 'a%'",
  "tags.team = 'x'",
  'tags.team IS NOT NULL',
  "run_id IN ('a')",
  'metrics.`val loss`',
])('a filter stays as it is: %s', (filter) => {
  expect(asFilter(filter, 'name')).toBe(filter);
});
