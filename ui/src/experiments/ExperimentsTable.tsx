import { ActionIcon, Button, Menu } from '@mantine/core';
import { DotsHorizontalIcon } from '@radix-ui/react-icons';
import { useQuery } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';
import { createColumnHelper, useReactTable } from '@tanstack/react-table';
import { useMemo, useState } from 'react';
import { messageOf } from '../api/client';
import type { Experiment } from '../api/types';
import { sizeText } from '../artifacts/sizes';
import { orderedByServer } from '../shell/ordered';
import { PageLink } from '../shell/PageLink';
import { Time } from '../shell/Time';
import { VirtualTable } from '../shell/VirtualTable';
import { EditExperiment } from './EditExperiment';
import { useSummaries, weightQuery, type Summary } from './queries';
import { RemoveExperiment } from './RemoveExperiment';
import { ORDERS } from './search';

const route = getRouteApi('/experiments');
/** An experiment with what is known of its runs. */
type Row = Experiment & Pick<Summary, 'runs' | 'last_activity_time'>;
/** How the list is ordered until something else is chosen. */
const FIRST_ORDER = 'last_update_time';

const column = createColumnHelper<Row>();
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
  column.accessor('runs', {
    header: 'Runs',
    size: 80,
    enableSorting: false,
    cell: ({ getValue }) => getValue().toLocaleString(),
  }),
  column.accessor('last_activity_time', {
    header: 'Last activity',
    size: 140,
    enableSorting: false,
    cell: ({ getValue }) => <Time time={getValue()} />,
  }),
  column.display({
    id: 'files',
    header: 'Files',
    size: 120,
    cell: ({ row }) => <Weight experiment={row.original} />,
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
  const summaries = useSummaries(experiments);
  const rows = useMemo(
    () =>
      experiments.map((experiment): Row => ({ runs: 0, ...experiment, ...summaries.get(experiment.experiment_id) })),
    [experiments, summaries],
  );
  const table = useReactTable({
    data: rows,
    columns: COLUMNS,
    getRowId: (experiment) => experiment.experiment_id,
    ...orderedByServer(search.sort ?? FIRST_ORDER, search.ascending, (column, ascending) => {
      const sort = ORDERS.find((order) => order === column);
      void navigate({ search: (old) => ({ ...old, sort, ascending }) });
    }),
  });
  return <VirtualTable label="Experiments" table={table} hasMore={hasMore} isLoading={isLoading} onMore={onMore} />;
}

/** What the experiment's files weigh: added up when somebody wants to know. */
function Weight({ experiment }: { experiment: Experiment }) {
  const [isAsked, setIsAsked] = useState(false);
  const { data, error } = useQuery({ ...weightQuery(experiment.experiment_id), enabled: isAsked });
  if (error) return <span title={messageOf(error)}>unknown</span>;
  if (data) {
    const atLeast = data.is_complete ? '' : 'over ';
    return <span title={`${data.files.toLocaleString()} files`}>{atLeast + sizeText(data.bytes)}</span>;
  }
  return (
    <Button
      size="compact-xs"
      variant="subtle"
      loading={isAsked}
      aria-label={`Weigh the files of ${experiment.name}`}
      onClick={() => setIsAsked(true)}
    >
      Weigh
    </Button>
  );
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
