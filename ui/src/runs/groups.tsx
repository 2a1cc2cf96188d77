/** Groups of runs that have the same in a column: how they are named, and what is shown of each. */

import { UnstyledButton } from '@mantine/core';
import { CaretDownIcon, CaretRightIcon } from '@radix-ui/react-icons';
import type { AggregationFn, Row } from '@tanstack/react-table';
import type { Run } from '../api/types';
import { columnOf, countOfRuns, isReserved, shownNumber, titleOf, valuesOf, type Column } from './columns';

/** What stands for runs that have nothing in the column. */
const NOTHING = 'none';
/** Attributes that many runs share. */
const SHARED = ['status', 'user_id', 'dataset'];

/** The columns by which runs can be grouped: metrics and times differ too much. */
export function groupingColumns(all: readonly Column[]): Column[] {
  return all.filter((column) => {
    if (column.kind === 'attributes') return SHARED.includes(column.key);
    return column.kind !== 'metrics' && !isReserved(column);
  });
}

/** The mean of a metric in a group, of the runs that have a finite one. */
export function meanOf(id: string, runs: readonly Run[]): string | undefined {
  const values = runs.map((run) => valuesOf(run).get(id));
  const finite = values.filter((value): value is number => Number.isFinite(value));
  if (finite.length === 0) return undefined;
  return shownNumber(finite.reduce((sum, value) => sum + value, 0) / finite.length);
}

/** What a group shows in a column: the mean of a metric, and of anything else nothing. */
export function aggregationOf(column: Column): AggregationFn<Run> {
  if (column.kind !== 'metrics') return () => undefined;
  return (id, leaves) =>
    meanOf(
      id,
      leaves.map(({ original }) => original),
    );
}

/** Opens and closes a group. */
export function GroupHead({ row }: { row: Row<Run> }) {
  const column = columnOf(row.groupingColumnId ?? '');
  const isOpen = row.getIsExpanded();
  const value = typeof row.groupingValue === 'string' && row.groupingValue ? row.groupingValue : NOTHING;
  return (
    <UnstyledButton fz="sm" fw={600} aria-expanded={isOpen} onClick={row.getToggleExpandedHandler()}>
      {isOpen ? <CaretDownIcon aria-hidden /> : <CaretRightIcon aria-hidden />} {column && titleOf(column)}: {value} (
      {countOfRuns(row.getLeafRows().length)})
    </UnstyledButton>
  );
}
