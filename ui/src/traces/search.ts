import { flag, text, type Search } from '../shell/search';

/** What the address says of a table of traces. */
export interface TracesSearch {
  /** In the filter language, or words of a name. */
  filter?: string;
  /** Whether the oldest come first. */
  ascending?: true;
}

export function tracesSearch(search: Search): TracesSearch {
  return { filter: text(search, 'filter'), ascending: flag(search, 'ascending') };
}

/** What the address says of one trace. */
export interface TraceSearch {
  /** Id of the span that is shown in detail. */
  span?: string;
}

export function traceSearch(search: Search): TraceSearch {
  return { span: text(search, 'span') };
}
