import { MOST_SMOOTHING, X_AXES, type XAxis } from '../../metrics/view';
import { choice, flag, number, text, texts, type Search } from '../../shell/search';

export const VIEWS = ['curves', 'table', 'bars', 'scatter', 'parallel'] as const;
export type View = (typeof VIEWS)[number];

/** Runs that can be compared: as many as the server tells the curves of at once. */
export const MOST_COMPARED = 100;

/** What the address says of a comparison. */
export interface CompareSearch {
  /** Ids of the runs. */
  runs?: string[];
  view?: View;
  /** Metrics whose curves are shown; without any, all of them. */
  metrics?: string[];
  x?: XAxis;
  /** Weight of what came before, from 0 to `MOST_SMOOTHING`. */
  smooth?: number;
  log?: true;
  /** Whether rows in which all runs agree are shown, too. */
  all?: true;
  /** Metric of the bars. */
  bar?: string;
  /** Columns on the axes of the scatter plot, such as `params.lr`. */
  horizontal?: string;
  vertical?: string;
  /** Columns that are the axes of the parallel coordinates. */
  axes?: string[];
}

export function compareSearch(search: Search): CompareSearch {
  return {
    runs: texts(search, 'runs')?.slice(0, MOST_COMPARED),
    view: choice(search, 'view', VIEWS),
    metrics: texts(search, 'metrics'),
    x: choice(search, 'x', X_AXES),
    smooth: number(search, 'smooth', 0, MOST_SMOOTHING),
    log: flag(search, 'log'),
    all: flag(search, 'all'),
    bar: text(search, 'bar'),
    horizontal: text(search, 'horizontal'),
    vertical: text(search, 'vertical'),
    axes: texts(search, 'axes'),
  };
}
