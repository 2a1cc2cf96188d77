import { choice, flag, text, type Search } from '../shell/search';

/** The columns by which the server can order experiments. */
export const ORDERS = ['name', 'creation_time', 'last_update_time'] as const;

/** What the address says of the list of experiments. */
export interface ExperimentsSearch {
  /** In the filter language, or words of a name. */
  filter?: string;
  sort?: (typeof ORDERS)[number];
  /** Whether the order is ascending; for names and times the other way round is what one wants to see first. */
  ascending?: true;
  /** Whether the deleted ones are shown instead. */
  deleted?: true;
}

export function experimentsSearch(search: Search): ExperimentsSearch {
  return {
    filter: text(search, 'filter'),
    sort: choice(search, 'sort', ORDERS),
    ascending: flag(search, 'ascending'),
    deleted: flag(search, 'deleted'),
  };
}
