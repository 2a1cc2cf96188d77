import { Checkbox } from '@mantine/core';
import { getRouteApi } from '@tanstack/react-router';
import {
  createColumnHelper,
  getExpandedRowModel,
  getGroupedRowModel,
  useReactTable,
  type ColumnDef,
  type RowSelectionState,
  type Table,
} from '@tanstack/react-table';
import { useMemo } from 'react';
import type { Run } from '../api/types';
import { orderedByServer } from '../shell/ordered';
import { PageLink } from '../shell/PageLink';
import { Time } from '../shell/Time';
import { VirtualTable } from '../shell/VirtualTable';
import { columnOf, identifier, idOf, isSortable, nameOf, shown, titleOf, valuesOf, type Column } from './columns';
import { aggregationOf, GroupHead } from './groups';
import { FIRST_ORDER } from './queries';
import { StatusBadge } from './StatusBadge';

const route = getRouteApi('/experiments/$experimentId/runs');
/** Runs that can be selected at once: their ids stand in the address. */
const MOST_SELECTED = 500;

interface Props {
  runs: Run[];
  /** Ids of the columns behind the name. */
  columns: readonly string[];
  hasMore: boolean;
  isLoading: boolean;
  onMore: () => void;
}

/** The runs of an experiment; order and selection stand in the address. */
export function RunsTable({ runs, columns, hasMore, isLoading, onMore }: Props) {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const { group } = search;
  // What makes groups need not be shown.
  const hidden = group === undefined || columns.includes(group) ? undefined : group;
  const definitions = useMemo(() => {
    const ids = hidden === undefined ? columns : [...columns, hidden];
    return [SELECT, NAME, ...ids.flatMap((id) => columnOf(id) ?? []).map(definitionOf)];
  }, [columns, hidden]);
  const grouping = useMemo(() => (group !== undefined && columnOf(group) ? [group] : []), [group]);
  const columnVisibility = useMemo(() => (hidden === undefined ? {} : { [hidden]: false }), [hidden]);
  const order = orderedByServer<Run>(search.sort ?? FIRST_ORDER, search.ascending, (sort, ascending) => {
    void navigate({ search: (old) => ({ ...old, sort, ascending }) });
  });
  const rowSelection: RowSelectionState = useMemo(() => flagged(search.selected), [search.selected]);
  const expanded = useMemo(() => flagged(search.open), [search.open]);
  const table = useReactTable({
    data: runs,
    columns: definitions,
    getRowId: (run) => run.info.run_id,
    getGroupedRowModel: getGroupedRowModel(),
    getExpandedRowModel: getExpandedRowModel(),
    groupedColumnMode: false,
    // A group is none of the runs whose ids stand in the address.
    enableRowSelection: (row) => !row.getIsGrouped(),
    autoResetExpanded: false,
    ...order,
    state: { ...order.state, rowSelection, grouping, expanded, columnVisibility },
    onExpandedChange: (change) => {
      const next = typeof change === 'function' ? change(expanded) : change;
      const open = Object.keys(next).filter((id) => next === true || next[id]);
      void navigate({ search: (old) => ({ ...old, open: open.length > 0 ? open : undefined }), replace: true });
    },
    onRowSelectionChange: (change) => {
      const next = typeof change === 'function' ? change(rowSelection) : change;
      const selected = Object.keys(next).slice(0, MOST_SELECTED);
      void navigate({
        search: (old) => ({ ...old, selected: selected.length > 0 ? selected : undefined }),
        replace: true,
      });
    },
  });
  return <VirtualTable label="Runs" table={table} hasMore={hasMore} isLoading={isLoading} onMore={onMore} />;
}

/** What stands in the address, as the table has it. */
function flagged(ids: readonly string[] = []): Record<string, boolean> {
  return Object.fromEntries(ids.map((id) => [id, true]));
}

const helper = createColumnHelper<Run>();

const SELECT = helper.display({
  id: 'select',
  size: 44,
  header: ({ table }) => <SelectAll table={table} />,
  cell: ({ row }) => (
    // Not Mantine's: hundreds of these come and go while one scrolls.
    <input
      type="checkbox"
      aria-label={`Select ${nameOf(row.original)}`}
      checked={row.getIsSelected()}
      onChange={row.getToggleSelectedHandler()}
    />
  ),
});

const NAME = helper.accessor(nameOf, {
  id: 'attributes.run_name',
  header: 'Run',
  size: 240,
  aggregationFn: () => undefined,
  aggregatedCell: ({ row }) => <GroupHead row={row} />,
  cell: ({ row: { original }, getValue }) => (
    <PageLink to="/runs/$runId" params={{ runId: original.info.run_id }} title={getValue()}>
      {getValue()}
    </PageLink>
  ),
});

function SelectAll({ table }: { table: Table<Run> }) {
  return (
    <Checkbox
      size="xs"
      aria-label="Select all that are loaded"
      checked={table.getIsAllRowsSelected()}
      indeterminate={table.getIsSomeRowsSelected()}
      onChange={table.getToggleAllRowsSelectedHandler()}
    />
  );
}

/** The column of the table that shows a column of runs. */
function definitionOf(column: Column): ColumnDef<Run, string> {
  const id = idOf(column);
  return {
    id,
    size: 150,
    enableSorting: isSortable(column),
    sortDescFirst: column.kind === 'metrics' || column.key.endsWith('_time'),
    header: () => <span title={identifier(column)}>{titleOf(column)}</span>,
    accessorFn: (run) => shown(column, valuesOf(run).get(id)),
    aggregationFn: aggregationOf(column),
    cell: ({ row: { original }, getValue }) => {
      if (id === 'attributes.status') return <StatusBadge status={original.info.status} />;
      if (id === 'attributes.start_time') return <Time time={original.info.start_time} />;
      return <span title={getValue()}>{getValue()}</span>;
    },
  };
}
