import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';
import { createColumnHelper, useReactTable } from '@tanstack/react-table';
import { useMemo } from 'react';
import type { TraceInfo } from '../api/types';
import { ExperimentTabs } from '../experiments/ExperimentTabs';
import { experimentQuery } from '../experiments/queries';
import { FilterField } from '../filter/FilterField';
import { refusalOf } from '../filter/refusal';
import { EmptyState, trackingLine } from '../shell/EmptyState';
import { Failure } from '../shell/Failure';
import { orderedByServer } from '../shell/ordered';
import { PageLink } from '../shell/PageLink';
import { Place } from '../shell/Place';
import { Time } from '../shell/Time';
import { duration } from '../shell/times';
import { VirtualTable } from '../shell/VirtualTable';
import { Assessed } from './Assessed';
import { traceNameOf } from './names';
import { tracesQuery } from './queries';
import { milliseconds } from './spans';

const route = getRouteApi('/experiments/$experimentId/traces');
/** What a filter can name beside tags and metadata, which hold any key. */
const VOCABULARY = [
  'name',
  'status',
  'timestamp_ms',
  'execution_time_ms',
  'run_id',
  'span.name',
  'span.type',
  'trace.text',
];

const column = createColumnHelper<TraceInfo>();
const COLUMNS = [
  column.accessor(traceNameOf, {
    id: 'name',
    header: 'Trace',
    size: 200,
    enableSorting: false,
    cell: ({ row: { original }, getValue }) => (
      <PageLink to="/traces/$traceId" params={{ traceId: original.trace_id }} title={original.trace_id}>
        {getValue()}
      </PageLink>
    ),
  }),
  column.accessor('request_time', {
    id: 'timestamp',
    header: 'Time',
    size: 140,
    cell: ({ getValue }) => <Time time={Date.parse(getValue() ?? '')} />,
  }),
  column.accessor((trace) => milliseconds(trace.execution_duration), {
    id: 'duration',
    header: 'Duration',
    size: 110,
    enableSorting: false,
    cell: ({ getValue }) => durationOrNone(getValue()),
  }),
  column.accessor((trace) => trace.state?.toLowerCase().replace('_', ' '), {
    id: 'state',
    header: 'State',
    size: 100,
    enableSorting: false,
  }),
  column.accessor('request_preview', {
    header: 'Request',
    size: 260,
    enableSorting: false,
    cell: ({ getValue }) => <span title={getValue()}>{getValue()}</span>,
  }),
  column.accessor('response_preview', {
    header: 'Response',
    size: 260,
    enableSorting: false,
    cell: ({ getValue }) => <span title={getValue()}>{getValue()}</span>,
  }),
  column.accessor('assessments', {
    header: 'Assessments',
    size: 200,
    enableSorting: false,
    cell: ({ getValue }) => <Assessed assessments={getValue()} />,
  }),
];

/** The traces of one experiment. */
export function TracesPage() {
  const { experimentId } = route.useParams();
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const experiment = useQuery(experimentQuery(experimentId));
  const found = useInfiniteQuery(tracesQuery(experimentId, search));
  const { data, error } = found;
  const traces = useMemo(() => data?.pages.flatMap((page) => page.traces ?? []) ?? [], [data]);
  const table = useReactTable({
    data: traces,
    columns: COLUMNS,
    getRowId: (trace) => trace.trace_id,
    // Traces have one order, which is turned around.
    ...orderedByServer('timestamp', search.ascending, (_, ascending) => {
      void navigate({ search: (old) => ({ ...old, ascending }) });
    }),
  });
  const refusal = refusalOf(search.filter, error);
  if (experiment.error) {
    return (
      <Failure
        title="The experiment can't be shown"
        error={experiment.error}
        onRepeat={() => void experiment.refetch()}
      />
    );
  }
  return (
    <Place title={experiment.data?.name ?? `Experiment ${experimentId}`}>
      <ExperimentTabs experimentId={experimentId} />
      <FilterField
        label="Find traces"
        placeholder="Words of the name, or a filter such as execution_time_ms > 1000"
        value={search.filter ?? ''}
        vocabulary={VOCABULARY}
        error={refusal}
        onApply={(filter) => void navigate({ search: (old) => ({ ...old, filter: filter || undefined }) })}
      />
      {error && !refusal && (
        <Failure title="The traces can't be shown" error={error} onRepeat={() => void found.refetch()} />
      )}
      {!error && data && traces.length === 0 ? (
        <NoTraces experimentId={experimentId} isNarrowed={Boolean(search.filter)} />
      ) : (
        <VirtualTable
          label="Traces"
          table={table}
          hasMore={found.hasNextPage}
          isLoading={found.isFetching}
          onMore={() => void found.fetchNextPage()}
        />
      )}
    </Place>
  );
}

function durationOrNone(ms: number | undefined): string {
  return ms === undefined ? '' : duration(ms);
}

function NoTraces({ experimentId, isNarrowed }: { experimentId: string; isNarrowed: boolean }) {
  if (isNarrowed) return <EmptyState title="No trace fits">Change the filter.</EmptyState>;
  const experiment = `mlflow.set_experiment(experiment_id="${experimentId}")`;
  const python = `import mlflow\n${trackingLine()}; ${experiment}\nmlflow.trace(lambda question: "an answer")("a question")`;
  return (
    <EmptyState title="No traces yet" python={python}>
      A trace tells what happened while a question was answered. Three lines of Python make one:
    </EmptyState>
  );
}
