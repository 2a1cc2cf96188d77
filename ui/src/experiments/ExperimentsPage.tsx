import { Button, SegmentedControl } from '@mantine/core';
import { PlusIcon } from '@radix-ui/react-icons';
import { useInfiniteQuery } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';
import { useMemo, useState } from 'react';
import type { Experiment } from '../api/types';
import { FilterField } from '../filter/FilterField';
import { refusalOf } from '../filter/refusal';
import { EmptyState, trackingLine } from '../shell/EmptyState';
import { Failure } from '../shell/Failure';
import { Place } from '../shell/Place';
import { EditExperiment } from './EditExperiment';
import { ExperimentsTable } from './ExperimentsTable';
import { experimentsQuery } from './queries';

const route = getRouteApi('/experiments');
const ATTRIBUTES = ['name', 'experiment_id', 'creation_time', 'last_update_time'];

/** The list of experiments. */
export function ExperimentsPage() {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const [isCreating, setIsCreating] = useState(false);
  const { data, error, hasNextPage, isFetching, fetchNextPage, refetch } = useInfiniteQuery(experimentsQuery(search));
  const experiments = useMemo(() => data?.pages.flatMap((page) => page.experiments ?? []) ?? [], [data]);
  const vocabulary = useMemo(() => [...ATTRIBUTES, ...tagsOf(experiments)], [experiments]);
  const refusal = refusalOf(search.filter, error);

  return (
    <Place
      title="Experiments"
      actions={
        <Button size="sm" leftSection={<PlusIcon />} onClick={() => setIsCreating(true)}>
          New experiment
        </Button>
      }
    >
      <FilterField
        label="Find experiments"
        placeholder="Words of the name, or a filter such as tags.team = 'vision'"
        value={search.filter ?? ''}
        vocabulary={vocabulary}
        error={refusal}
        onApply={(filter) => void navigate({ search: (old) => ({ ...old, filter: filter || undefined }) })}
      />
      <SegmentedControl
        aria-label="Which experiments"
        data={['Active', 'Deleted']}
        value={search.deleted ? 'Deleted' : 'Active'}
        onChange={(which) => {
          const deleted = which === 'Deleted' || undefined;
          void navigate({ search: (old) => ({ ...old, deleted }) });
        }}
        style={{ alignSelf: 'flex-start' }}
      />
      {error && !refusal && (
        <Failure title="The experiments can't be shown" error={error} onRepeat={() => void refetch()} />
      )}
      {!error && data && experiments.length === 0 ? (
        <NoExperiments isNarrowed={Boolean(search.filter) || Boolean(search.deleted)} />
      ) : (
        <ExperimentsTable
          experiments={experiments}
          hasMore={hasNextPage}
          isLoading={isFetching}
          onMore={() => void fetchNextPage()}
        />
      )}
      {isCreating && <EditExperiment onClose={() => setIsCreating(false)} />}
    </Place>
  );
}

function NoExperiments({ isNarrowed }: { isNarrowed: boolean }) {
  if (isNarrowed) return <EmptyState title="No experiment fits">Change the filter, or show the others.</EmptyState>;
  const python = `import mlflow\n${trackingLine()}\nmlflow.set_experiment("my first experiment")`;
  return (
    <EmptyState title="No experiments yet" python={python}>
      An experiment holds the runs that belong together. Make one here, or in Python:
    </EmptyState>
  );
}

/** The tags of experiments as a filter names them. */
function tagsOf(experiments: readonly Experiment[]): string[] {
  const keys = experiments.flatMap((experiment) => experiment.tags?.map((tag) => tag.key) ?? []);
  return [...new Set(keys)].sort().map((key) => `tags.\`${key}\``);
}
