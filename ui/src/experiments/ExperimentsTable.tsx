import { ActionIcon, Menu } from '@mantine/core';
import { DotsHorizontalIcon } from '@radix-ui/react-icons';
import { useQuery } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';
import { createColumnHelper, getCoreRowModel, useReactTable, type SortingState } from '@tanstack/react-table';
import { useState } from 'react';
import type { Experiment } from '../api/types';
import { PageLink } from '../shell/PageLink';
import { Time } from '../shell/Time';
import { VirtualTable } from '../shell/VirtualTable';
import { EditExperiment } from './EditExperiment';
import { lastRunQuery } from './queries';
import { RemoveExperiment } from './RemoveExperiment';
import { ORDERS } from './search';

const route = getRouteApi('/experiments');
/** How the list is ordered until something else is chosen. */
const FIRST_ORDER = 'last_update_time';

const column = createColumnHelper<Experiment>();
const COLUMNS = [
  column.accessor('name', {
    header: 'Name',
    size: 240,
    cell: ({ row: { original } }) => (
      <PageLink
        to="/experiments/$experimentId/runs"
        params={{ experimentId: original.experiment_id }}
        title={original.name}
      >
        {original.name}
      </PageLink>
    ),
  }),
  column.accessor('experiment_id', { header: 'Id', size: 90, enableSorting: false }),
  column.display({
    id: 'last_run',
    header: 'Last run',
    size: 140,
    cell: ({ row }) => <LastRun experimentId={row.original.experiment_id} />,
  }),
  column.accessor('last_update_time', {
    header: 'Changed',
    size: 140,
    cell: ({ getValue }) => <Time time={getValue()} />,
  }),
  column.accessor('creation_time', {
    header: 'Created',
    size: 140,
    cell: ({ getValue }) => <Time time={getValue()} />,
  }),
  column.display({
    id: 'actions',
    header: 'Actions',
    size: 90,
    cell: ({ row }) => <Actions experiment={row.original} />,
  }),
];

interface Props {
  experiments: Experiment[];
  hasMore: boolean;
  isLoading: boolean;
  onMore: () => void;
}

export function ExperimentsTable({ experiments, hasMore, isLoading, onMore }: Props) {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const sorting: SortingState = [{ id: search.sort ?? FIRST_ORDER, desc: !search.ascending }];
  const table = useReactTable({
    data: experiments,
    columns: COLUMNS,
    getRowId: (experiment) => experiment.experiment_id,
    getCoreRowModel: getCoreRowModel(),
    manualSorting: true,
    enableSortingRemoval: false,
    state: { sorting },
    onSortingChange: (change) => {
      const next = (typeof change === 'function' ? change(sorting) : change)[0];
      const sort = ORDERS.find((order) => order === next?.id);
      void navigate({ search: (old) => ({ ...old, sort, ascending: next?.desc ? undefined : true }) });
    },
  });
  return <VirtualTable label="Experiments" table={table} hasMore={hasMore} isLoading={isLoading} onMore={onMore} />;
}

/** When a run of the experiment last began; asked for only where the row is seen. */
function LastRun({ experimentId }: { experimentId: string }) {
  const { data: run } = useQuery(lastRunQuery(experimentId));
  return run === null ? 'no runs' : <Time time={run?.info.start_time} />;
}

function Actions({ experiment }: { experiment: Experiment }) {
  const [change, setChange] = useState<'rename' | 'remove'>();
  const isDeleted = experiment.lifecycle_stage === 'deleted';
  const close = () => setChange(undefined);
  return (
    <>
      <Menu position="bottom-end" withinPortal>
        <Menu.Target>
          <ActionIcon variant="subtle" color="gray" aria-label={`What to do with ${experiment.name}`}>
            <DotsHorizontalIcon />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          {!isDeleted && <Menu.Item onClick={() => setChange('rename')}>Rename…</Menu.Item>}
          <Menu.Item onClick={() => setChange('remove')}>{isDeleted ? 'Restore…' : 'Delete…'}</Menu.Item>
        </Menu.Dropdown>
      </Menu>
      {change === 'rename' && <EditExperiment experiment={experiment} onClose={close} />}
      {change === 'remove' && <RemoveExperiment experiment={experiment} onClose={close} />}
    </>
  );
}
