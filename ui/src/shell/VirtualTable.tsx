import { Loader, UnstyledButton } from '@mantine/core';
import { useHotkeys } from '@mantine/hooks';
import { CaretDownIcon, CaretSortIcon, CaretUpIcon } from '@radix-ui/react-icons';
import { flexRender, type Header, type Row, type Table } from '@tanstack/react-table';
import { useVirtualizer } from '@tanstack/react-virtual';
import { memo, useEffect, useRef } from 'react';
import classes from './VirtualTable.module.css';

/** Height of a row in pixels; `VirtualTable.module.css` has the same. */
const ROW_PX = 36;
/** Rows that are kept ready above and below what is seen. */
const OVERSCAN = 12;
/** So many rows before the end, the next page is asked for. */
const AHEAD = 60;

interface Props<T> {
  label: string;
  table: Table<T>;
  /** Whether the server has more rows than the table. */
  hasMore: boolean;
  isLoading: boolean;
  onMore: () => void;
}

/** A table of any length, of which only the rows that are seen are in the document. Arrows, `j` and `k` go from row to row. */
export function VirtualTable<T>({ label, table, hasMore, isLoading, onMore }: Props<T>) {
  const container = useRef<HTMLDivElement>(null);
  const { rows } = table.getRowModel();
  const virtualizer = useVirtualizer({
    count: rows.length,
    getScrollElement: () => container.current,
    estimateSize: () => ROW_PX,
    overscan: OVERSCAN,
    useFlushSync: false,
  });
  const items = virtualizer.getVirtualItems();
  const above = items[0]?.start ?? 0;
  const below = virtualizer.getTotalSize() - (items.at(-1)?.end ?? 0);
  useRowKeys(container, rows.length, (index) => virtualizer.scrollToIndex(index));

  const last = items.at(-1)?.index ?? 0;
  useEffect(() => {
    if (hasMore && !isLoading && last >= rows.length - AHEAD) onMore();
  }, [hasMore, isLoading, last, rows.length, onMore]);

  const columns = table.getVisibleLeafColumns();
  return (
    <div ref={container} className={classes.container}>
      <table
        className={classes.table}
        style={{ width: table.getTotalSize() }}
        aria-label={label}
        aria-rowcount={hasMore ? -1 : rows.length + 1}
        aria-busy={isLoading}
      >
        <colgroup>
          {columns.map((column) => (
            <col key={column.id} style={{ width: column.getSize() }} />
          ))}
        </colgroup>
        <thead>
          {table.getHeaderGroups().map((group) => (
            <tr key={group.id} aria-rowindex={1}>
              {group.headers.map((header) => (
                <HeaderCell key={header.id} header={header} />
              ))}
            </tr>
          ))}
        </thead>
        <tbody>
          <Space height={above} columns={columns.length} />
          {items.map((item) => {
            const row = rows[item.index];
            return (
              row && (
                <BodyRow
                  key={row.id}
                  row={row}
                  index={item.index}
                  isSelected={row.getIsSelected()}
                  isOpen={row.getIsExpanded()}
                  columns={columns}
                />
              )
            );
          })}
          <Space height={below} columns={columns.length} />
        </tbody>
      </table>
      {isLoading && (
        <div className={classes.loading} role="status">
          <Loader size="sm" aria-hidden /> Loading…
        </div>
      )}
    </div>
  );
}

function HeaderCell<T>({ header }: { header: Header<T, unknown> }) {
  const { column } = header;
  const sorted = column.getIsSorted();
  const content = flexRender(column.columnDef.header, header.getContext());
  if (!column.getCanSort()) return <th scope="col">{content}</th>;
  const Icon = sorted === 'asc' ? CaretUpIcon : sorted === 'desc' ? CaretDownIcon : CaretSortIcon;
  return (
    <th scope="col" aria-sort={sorted === 'asc' ? 'ascending' : sorted === 'desc' ? 'descending' : 'none'}>
      <UnstyledButton className={classes.sort} onClick={column.getToggleSortingHandler()}>
        <span className={classes.cut}>{content}</span>
        <Icon aria-hidden className={classes.icon} />
      </UnstyledButton>
    </th>
  );
}

interface BodyRowProps<T> {
  row: Row<T>;
  index: number;
  /** Named, since a row that is drawn already is drawn again only for what changes here. */
  isSelected: boolean;
  isOpen: boolean;
  columns: readonly unknown[];
}

function DrawnRow<T>({ row, index, isSelected }: BodyRowProps<T>) {
  return (
    <tr aria-rowindex={index + 2} data-row={index} data-selected={isSelected || undefined}>
      {row.getVisibleCells().map(({ id, column: { columnDef }, getContext }) => (
        <td key={id}>{flexRender(row.getIsGrouped() ? columnDef.aggregatedCell : columnDef.cell, getContext())}</td>
      ))}
    </tr>
  );
}

const BodyRow = memo(DrawnRow) as typeof DrawnRow;

/** The height of the rows that are left out, for the scroll bar. */
function Space({ height, columns }: { height: number; columns: number }) {
  if (height <= 0) return null;
  return (
    <tr aria-hidden>
      <td colSpan={columns} style={{ height, padding: 0, border: 0 }} />
    </tr>
  );
}

/** Moves the focus from the link of a row to that of its neighbour. */
function useRowKeys(container: { current: HTMLElement | null }, count: number, scrollTo: (index: number) => void) {
  // A row that is scrolled to is there only after the next rendering.
  const wanted = useRef<number | undefined>(undefined);
  const focus = (index: number): boolean => {
    const link = container.current?.querySelector<HTMLElement>(`tr[data-row="${index}"] :is(a, button)`);
    link?.focus();
    return Boolean(link);
  };
  useEffect(() => {
    if (wanted.current !== undefined && focus(wanted.current)) wanted.current = undefined;
  });
  const move = (by: number, isAnywhere: boolean) => (event: KeyboardEvent) => {
    const focused = document.activeElement;
    const row = focused?.closest<HTMLElement>('tr[data-row]');
    const isHere = row && container.current?.contains(row);
    if (!isHere && (!isAnywhere || focused?.closest('[role=dialog], [role=menu]'))) return;
    event.preventDefault();
    const next = isHere ? Number(row.dataset.row) + by : 0;
    if (next < 0 || next >= count) return;
    scrollTo(next);
    if (!focus(next)) wanted.current = next;
  };
  // Keys that are of no use here keep their own.
  const gently = { preventDefault: false };
  useHotkeys([
    ['ArrowDown', move(1, false), gently],
    ['ArrowUp', move(-1, false), gently],
    ['j', move(1, true), gently],
    ['k', move(-1, true), gently],
  ]);
}
