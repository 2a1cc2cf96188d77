import { compareSearch, type CompareSearch } from '../runs/compare/search';
import { choice, text, type Search } from '../shell/search';

export const TABS = ['overview', 'metrics', 'system', 'artifacts'] as const;
export type Tab = (typeof TABS)[number];

/** What the address says of one run: of its curves, the same as of compared ones. */
export interface RunSearch extends Pick<CompareSearch, 'metrics' | 'x' | 'smooth' | 'log'> {
  tab?: Tab;
  /** Path of the artifact that is shown. */
  path?: string;
}

export function runSearch(search: Search): RunSearch {
  const { metrics, x, smooth, log } = compareSearch(search);
  return { tab: choice(search, 'tab', TABS), path: text(search, 'path'), metrics, x, smooth, log };
}
