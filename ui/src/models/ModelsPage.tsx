import { useInfiniteQuery } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';
import { createColumnHelper, useReactTable } from '@tanstack/react-table';
import { useMemo } from 'react';
import type { RegisteredModel } from '../api/types';
import { FilterField } from '../filter/FilterField';
import { refusalOf } from '../filter/refusal';
import { EmptyState, trackingLine } from '../shell/EmptyState';
import { Failure } from '../shell/Failure';
import { orderedByServer } from '../shell/ordered';
import { PageLink } from '../shell/PageLink';
import { Place } from '../shell/Place';
import { Time } from '../shell/Time';
import { VirtualTable } from '../shell/VirtualTable';
import { Aliases } from './Aliases';
import { registeredModelsQuery } from './queries';
import { ORDERS } from './search';

const route = getRouteApi('/models');
/** How the list is ordered until something else is chosen. */
const FIRST_ORDER = 'last_updated_timestamp';
const VOCABULARY = ['name'];

const column = createColumnHelper<RegisteredModel>();
const COLUMNS = [
  column.accessor('name', {
    header: 'Name',
    size: 240,
    cell: ({ getValue }) => (
      <PageLink to="/models/$name" params={{ name: getValue() }} title={getValue()}>
        {getValue()}
      </PageLink>
    ),
  }),
  column.accessor(newestVersion, { id: 'version', header: 'Newest version', size: 140, enableSorting: false }),
  column.display({
    id: 'aliases',
    header: 'Aliases',
    size: 240,
    cell: ({ row }) => <Aliases names={row.original.aliases?.map((one) => `${one.alias}: ${one.version}`)} />,
  }),
  column.accessor('description', { header: 'Description', size: 240, enableSorting: false }),
  column.accessor('last_updated_timestamp', {
    header: 'Changed',
    size: 140,
    cell: ({ getValue }) => <Time time={getValue()} />,
  }),
];

/** The list of registered models. */
export function ModelsPage() {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const { data, error, hasNextPage, isFetching, fetchNextPage, refetch } = useInfiniteQuery(
    registeredModelsQuery(search),
  );
  const models = useMemo(() => data?.pages.flatMap((page) => page.registered_models ?? []) ?? [], [data]);
  const table = useReactTable({
    data: models,
    columns: COLUMNS,
    getRowId: (model) => model.name,
    ...orderedByServer(search.sort ?? FIRST_ORDER, search.ascending, (column, ascending) => {
      const sort = ORDERS.find((order) => order === column);
      void navigate({ search: (old) => ({ ...old, sort, ascending }) });
    }),
  });
  const refusal = refusalOf(search.filter, error);
  return (
    <Place title="Models">
      <FilterField
        label="Find models"
        placeholder="Words of the name, or a filter such as tags.task = 'detection'"
        value={search.filter ?? ''}
        vocabulary={VOCABULARY}
        error={refusal}
        onApply={(filter) => void navigate({ search: (old) => ({ ...old, filter: filter || undefined }) })}
      />
      {error && !refusal && <Failure title="The models can't be shown" error={error} onRepeat={() => void refetch()} />}
      {!error && data && models.length === 0 ? (
        <NoModels isNarrowed={Boolean(search.filter)} />
      ) : (
        <VirtualTable
          label="Models"
          table={table}
          hasMore={hasNextPage}
          isLoading={isFetching}
          onMore={() => void fetchNextPage()}
        />
      )}
    </Place>
  );
}

function newestVersion(model: RegisteredModel): string {
  const versions = model.latest_versions?.map((one) => Number(one.version)) ?? [];
  return versions.length > 0 ? String(Math.max(...versions)) : 'none';
}

function NoModels({ isNarrowed }: { isNarrowed: boolean }) {
  if (isNarrowed) return <EmptyState title="No model fits">Change the filter.</EmptyState>;
  const python = `import mlflow\n${trackingLine()}\nmlflow.MlflowClient().create_registered_model("my first model")`;
  return (
    <EmptyState title="No registered models yet" python={python}>
      A registered model names the versions of what runs have made. Make one in Python:
    </EmptyState>
  );
}
