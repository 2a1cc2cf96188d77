import { Button, Group, NativeSelect, SegmentedControl, Text } from '@mantine/core';
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';
import { useMemo } from 'react';
import { ExperimentTabs } from '../experiments/ExperimentTabs';
import { experimentQuery } from '../experiments/queries';
import { FilterField } from '../filter/FilterField';
import { refusalOf } from '../filter/refusal';
import { useChanges } from '../live/changes';
import { EmptyState, trackingLine } from '../shell/EmptyState';
import { Failure } from '../shell/Failure';
import { Place } from '../shell/Place';
import { ColumnPicker } from './ColumnPicker';
import { columnsOf, countOfRuns, firstColumns, identifier, idOf, isSortable, titleOf, type Column } from './columns';
import { ExportButton } from './ExportButton';
import { groupingColumns } from './groups';
import { columnIdsOf, runsQuery } from './queries';
import { RunsTable } from './RunsTable';
import type { RunsSearch } from './search';
import { SelectionBar } from './SelectionBar';

const route = getRouteApi('/experiments/$experimentId/runs');
/** What a filter can name of the data that went into runs. */
const DATASETS = ['dataset.name', 'dataset.digest', 'dataset.context'];

/** The runs of one experiment. */
export function RunsPage() {
  const { experimentId } = route.useParams();
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const experiment = useQuery(experimentQuery(experimentId));
  const found = useInfiniteQuery(runsQuery(experimentId, search));
  const { data, error } = found;
  useChanges({ run_ids: [], experiment_ids: [experimentId] });
  const runs = useMemo(() => data?.pages.flatMap((page) => page.runs ?? []) ?? [], [data]);
  const all = useMemo(() => columnsOf(data?.pages.map(columnIdsOf) ?? []), [data]);
  // Of the first page: columns must not move while one scrolls.
  const first = data?.pages[0];
  const columns = useMemo(
    () => search.columns ?? firstColumns(columnsOf(first ? [columnIdsOf(first)] : [])),
    [search.columns, first],
  );
  const vocabulary = useMemo(() => vocabularyOf(all), [all]);
  const change = (part: RunsSearch) => void navigate({ search: (old) => ({ ...old, ...part }) });
  const name = experiment.data?.name ?? `Experiment ${experimentId}`;

  if (experiment.error) {
    return (
      <Failure
        title="The experiment can't be shown"
        error={experiment.error}
        onRepeat={() => void experiment.refetch()}
      />
    );
  }
  const refusal = refusalOf(search.filter, error);
  const isNarrowed = Boolean(search.filter) || Boolean(search.deleted);
  return (
    <Place
      title={name}
      actions={
        <>
          <GroupPicker all={all} group={search.group} onChange={(group) => change({ group, open: undefined })} />
          <ColumnPicker all={all} shown={columns} onChange={(columns) => change({ columns })} />
          <ExportButton experimentId={experimentId} name={name} search={search} isDisabled={runs.length === 0} />
        </>
      }
    >
      <ExperimentTabs experimentId={experimentId} />
      <FilterField
        label="Find runs"
        placeholder="Words of the name, or a filter such as metrics.loss < 0.1 AND params.lr = '0.01'"
        value={search.filter ?? ''}
        vocabulary={vocabulary}
        error={refusal}
        onApply={(filter) => change({ filter: filter || undefined })}
      />
      <Group justify="space-between" gap="xs">
        <SegmentedControl
          aria-label="Which runs"
          data={['Active', 'Deleted']}
          value={search.deleted ? 'Deleted' : 'Active'}
          onChange={(which) => change({ deleted: which === 'Deleted' || undefined, selected: undefined })}
        />
        <SelectionBar experimentId={experimentId} search={search} onClear={() => change({ selected: undefined })} />
        <Text size="sm" c="dimmed" role="status">
          {counted(runs.length, found.hasNextPage, search.group !== undefined)}
        </Text>
        {search.group !== undefined && found.hasNextPage && (
          <Button
            size="xs"
            variant="default"
            loading={found.isFetchingNextPage}
            onClick={() => void found.fetchNextPage()}
          >
            Group more runs
          </Button>
        )}
      </Group>
      {error && !refusal && (
        <Failure title="The runs can't be shown" error={error} onRepeat={() => void found.refetch()} />
      )}
      {error && !refusal && search.sort && (
        <Button variant="default" onClick={() => change({ sort: undefined, ascending: undefined })}>
          Order by start
        </Button>
      )}
      {!error && data && runs.length === 0 ? (
        <NoRuns experimentId={experimentId} isNarrowed={isNarrowed} />
      ) : (
        <RunsTable
          runs={runs}
          columns={columns}
          // Groups that are closed leave room for all runs there are: somebody has to ask for them.
          hasMore={found.hasNextPage && search.group === undefined}
          isLoading={found.isFetching}
          onMore={() => void found.fetchNextPage()}
        />
      )}
    </Place>
  );
}

function counted(count: number, hasMore: boolean, isGrouped: boolean): string {
  const runs = countOfRuns(count);
  if (!hasMore) return runs;
  return isGrouped ? `Groups of the first ${runs}` : `The first ${runs}; more come as you scroll`;
}

interface GroupPickerProps {
  all: readonly Column[];
  group: string | undefined;
  onChange: (group: string | undefined) => void;
}

/** Picks the column whose values make groups, among those that were seen in runs. */
function GroupPicker({ all, group, onChange }: GroupPickerProps) {
  const choices = groupingColumns(all).map((column) => ({ value: idOf(column), label: `Group by ${titleOf(column)}` }));
  return (
    <NativeSelect
      aria-label="Group by"
      size="sm"
      value={group ?? ''}
      data={[{ value: '', label: 'No groups' }, ...choices]}
      onChange={(event) => onChange(event.currentTarget.value || undefined)}
    />
  );
}

function NoRuns({ experimentId, isNarrowed }: { experimentId: string; isNarrowed: boolean }) {
  if (isNarrowed) return <EmptyState title="No run fits">Change the filter, or show the others.</EmptyState>;
  const run = `with mlflow.start_run(experiment_id="${experimentId}"): mlflow.log_metric("loss", 0.5)`;
  return (
    <EmptyState title="No runs yet" python={`import mlflow\n${trackingLine()}\n${run}`}>
      Three lines of Python log the first one:
    </EmptyState>
  );
}

/** What a filter can name, as far as it was seen. */
function vocabularyOf(all: readonly Column[]): string[] {
  return ['attributes.run_name', ...all.filter(isSortable).map(identifier), ...DATASETS];
}
