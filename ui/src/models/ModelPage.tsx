import { Group, Loader, Text } from '@mantine/core';
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';
import { createColumnHelper, getCoreRowModel, useReactTable } from '@tanstack/react-table';
import { useMemo } from 'react';
import type { ModelVersion, RegisteredModel } from '../api/types';
import { EmptyState, trackingLine } from '../shell/EmptyState';
import { Failure } from '../shell/Failure';
import { PageLink } from '../shell/PageLink';
import { Place } from '../shell/Place';
import { Time } from '../shell/Time';
import { VirtualTable } from '../shell/VirtualTable';
import { Aliases } from './Aliases';
import { modelVersionsQuery, registeredModelQuery } from './queries';

const route = getRouteApi('/models/$name');

const column = createColumnHelper<ModelVersion>();
const COLUMNS = [
  column.accessor('version', { header: 'Version', size: 90 }),
  column.accessor('aliases', {
    header: 'Aliases',
    size: 200,
    cell: ({ getValue }) => <Aliases names={getValue()} />,
  }),
  column.accessor((version) => version.status?.toLowerCase().replace('_', ' '), {
    id: 'status',
    header: 'Status',
    size: 150,
    cell: ({ row: { original }, getValue }) => <span title={original.status_message}>{getValue()}</span>,
  }),
  column.accessor('run_id', { header: 'From run', size: 160, cell: ({ getValue }) => <FromRun runId={getValue()} /> }),
  column.accessor('creation_timestamp', {
    header: 'Created',
    size: 140,
    cell: ({ getValue }) => <Time time={getValue()} />,
  }),
  column.accessor(tagsOf, { id: 'tags', header: 'Tags', size: 200, cell: ({ getValue }) => <Cut text={getValue()} /> }),
  column.accessor('description', {
    header: 'Description',
    size: 240,
    cell: ({ getValue }) => <Cut text={getValue()} />,
  }),
  column.accessor('source', { header: 'Source', size: 320, cell: ({ getValue }) => <Cut text={getValue()} /> }),
];

/** One registered model with its versions. */
export function ModelPage() {
  const { name } = route.useParams();
  const { data: model, error, refetch } = useQuery(registeredModelQuery(name));
  const found = useInfiniteQuery(modelVersionsQuery(name));
  const versions = useMemo(
    () => named(found.data?.pages.flatMap((page) => page.model_versions ?? []) ?? [], model),
    [found.data, model],
  );
  const table = useReactTable({
    data: versions,
    columns: COLUMNS,
    getRowId: (version) => version.version,
    getCoreRowModel: getCoreRowModel(),
    enableSorting: false,
  });
  if (error) return <Failure title="The model can't be shown" error={error} onRepeat={() => void refetch()} />;
  if (!model) return <Loader aria-label="Loading the model" />;
  return (
    <Place title={model.name}>
      {model.description && <Text style={{ whiteSpace: 'pre-wrap' }}>{model.description}</Text>}
      <Group gap="lg">
        <Text size="sm" c="dimmed">
          Made <Time time={model.creation_timestamp} />, changed <Time time={model.last_updated_timestamp} />
        </Text>
        {model.tags && <Text size="sm">{tagsOf(model)}</Text>}
      </Group>
      {found.error && (
        <Failure title="The versions can't be shown" error={found.error} onRepeat={() => void found.refetch()} />
      )}
      {found.data && versions.length === 0 ? (
        <NoVersions name={model.name} />
      ) : (
        <VirtualTable
          label={`Versions of ${model.name}`}
          table={table}
          hasMore={found.hasNextPage}
          isLoading={found.isFetching}
          onMore={() => void found.fetchNextPage()}
        />
      )}
    </Place>
  );
}

/** The versions with their aliases, which the server tells with the model only. */
function named(versions: ModelVersion[], model: RegisteredModel | undefined): ModelVersion[] {
  const of = (version: string) => model?.aliases?.filter((one) => one.version === version).map((one) => one.alias);
  return versions.map((one) => ({ ...one, aliases: of(one.version) }));
}

function FromRun({ runId }: { runId: string | undefined }) {
  if (!runId) return null;
  return (
    <PageLink to="/runs/$runId" params={{ runId }} title={runId}>
      {runId.slice(0, 8)}
    </PageLink>
  );
}

function Cut({ text }: { text: string | undefined }) {
  return <span title={text}>{text}</span>;
}

function tagsOf({ tags = [] }: Pick<ModelVersion, 'tags'>): string {
  return tags.map(({ key, value }) => `${key}: ${value}`).join(', ');
}

function NoVersions({ name }: { name: string }) {
  const python = `import mlflow\n${trackingLine()}\nmlflow.register_model("runs:/RUN_ID/model", ${JSON.stringify(name)})`;
  return (
    <EmptyState title="No versions yet" python={python}>
      A version comes from the model of a run, whose id stands for RUN_ID:
    </EmptyState>
  );
}
