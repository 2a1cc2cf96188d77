import type { Run } from '../../api/types';
import type { Line } from '../../metrics/lines';
import type { Column } from '../columns';
import type { CompareSearch } from './search';

/** What each view of a comparison is given. */
export interface CompareProps {
  runs: readonly Run[];
  /** All columns that the runs have. */
  columns: readonly Column[];
  search: CompareSearch;
  onChange: (part: CompareSearch) => void;
}

/** What a view is given that draws each run in its colour. */
export interface PlotProps extends CompareProps {
  /** One for each run, in their order. */
  lines: readonly Line[];
}
