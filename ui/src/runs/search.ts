import { flag, text, texts, type Search } from '../shell/search';

/** What the address says of a table of runs, so that a view can be shared. */
export interface RunsSearch {
  /** In the filter language, or words of a name. */
  filter?: string;
  /** The column by which the server orders, such as `metrics.loss` (`columns.ts`). */
  sort?: string;
  ascending?: true;
  /** The columns behind the name, in their order. */
  columns?: string[];
  /** Ids of the runs that are selected. */
  selected?: string[];
  /** The column whose values make groups. */
  group?: string;
  /** The groups that are open, as the table names them. */
  open?: string[];
  /** Whether the deleted ones are shown instead. */
  deleted?: true;
}

export function runsSearch(search: Search): RunsSearch {
  return {
    filter: text(search, 'filter'),
    sort: text(search, 'sort'),
    ascending: flag(search, 'ascending'),
    columns: texts(search, 'columns'),
    selected: texts(search, 'selected'),
    group: text(search, 'group'),
    open: texts(search, 'open'),
    deleted: flag(search, 'deleted'),
  };
}
