import { getCoreRowModel, type SortingState, type TableOptions } from '@tanstack/react-table';

/** Hears of another order: by which column, and whether ascending. */
type OnOrder = (sort: string | undefined, ascending: true | undefined) => void;

/** The options of a table whose rows the server puts in order. */
export function orderedByServer<T>(sort: string, ascending: true | undefined, onOrder: OnOrder) {
  const sorting: SortingState = [{ id: sort, desc: !ascending }];
  return {
    getCoreRowModel: getCoreRowModel<T>(),
    manualSorting: true,
    enableSortingRemoval: false,
    state: { sorting },
    onSortingChange: (change) => {
      const next = (typeof change === 'function' ? change(sorting) : change)[0];
      onOrder(next?.id, next?.desc ? undefined : true);
    },
  } satisfies Partial<TableOptions<T>>;
}
