import { choice, flag, text, type Search } from '../shell/search';

/** The columns by which the server can order registered models. */
export const ORDERS = ['name', 'last_updated_timestamp'] as const;

/** What the address says of the list of registered models. */
export interface ModelsSearch {
  /** In the filter language, or words of a name. */
  filter?: string;
  sort?: (typeof ORDERS)[number];
  ascending?: true;
}

export function modelsSearch(search: Search): ModelsSearch {
  return {
    filter: text(search, 'filter'),
    sort: choice(search, 'sort', ORDERS),
    ascending: flag(search, 'ascending'),
  };
}
