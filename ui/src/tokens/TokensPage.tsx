import { Button, Code, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { createColumnHelper, getCoreRowModel, useReactTable } from '@tanstack/react-table';
import { useMemo, useState } from 'react';
import { ConfirmModal } from '../shell/ConfirmModal';
import { EmptyState } from '../shell/EmptyState';
import { Failure } from '../shell/Failure';
import { Place } from '../shell/Place';
import { Time } from '../shell/Time';
import { VirtualTable } from '../shell/VirtualTable';
import { NewToken } from './NewToken';
import { tokensQuery, useRevocation, type Token } from './queries';

const column = createColumnHelper<Token>();

/** The tokens of whoever looks; those of all, if that is an operator. */
export function TokensPage() {
  const { data: tokens = [], error, isFetching, isSuccess, refetch } = useQuery(tokensQuery);
  const [isNew, setNew] = useState(false);
  const [ending, setEnding] = useState<Token>();
  const columns = useMemo(() => columnsWith(setEnding), []);
  const table = useReactTable({
    data: tokens,
    columns,
    getRowId: (token) => token.id,
    getCoreRowModel: getCoreRowModel(),
    enableSorting: false,
  });
  return (
    <Place title="Tokens" actions={<Button onClick={() => setNew(true)}>New token</Button>}>
      <Text size="sm" c="dimmed">
        Programs sign in with a token: set <Code>MLFLOW_TRACKING_TOKEN</Code>, and leave out user and password.
      </Text>
      {error && <Failure title="The tokens can't be shown" error={error} onRepeat={() => void refetch()} />}
      {isSuccess && tokens.length === 0 ? (
        <EmptyState title="No tokens yet">Make one for each program, so that it can be revoked by itself.</EmptyState>
      ) : (
        <VirtualTable label="Tokens" table={table} hasMore={false} isLoading={isFetching} onMore={() => undefined} />
      )}
      {isNew && <NewToken onClose={() => setNew(false)} />}
      {ending && <Revocation token={ending} onClose={() => setEnding(undefined)} />}
    </Place>
  );
}

function columnsWith(onRevoke: (token: Token) => void) {
  return [
    column.accessor('name', { header: 'For', size: 220 }),
    column.accessor('username', { header: 'User', size: 140 }),
    column.accessor('scope', { header: 'Good for', size: 110 }),
    column.accessor(({ experiment_ids: ids }) => ids?.join(', ') ?? 'all', {
      id: 'experiments',
      header: 'Experiments',
      size: 140,
    }),
    column.accessor('creation_time', {
      header: 'Made',
      size: 140,
      cell: ({ getValue }) => <Time time={getValue()} />,
    }),
    column.accessor('expiration_time', {
      header: 'Ends',
      size: 160,
      cell: ({ row: { original } }) =>
        original.expiration_time === undefined ? 'never' : <Time time={original.expiration_time} />,
    }),
    column.accessor('id', { header: 'Id', size: 170 }),
    column.display({
      id: 'revoke',
      header: 'Revoke',
      size: 110,
      cell: ({ row: { original } }) => (
        <Button
          size="compact-xs"
          variant="default"
          aria-label={`Revoke ${original.name}`}
          onClick={() => onRevoke(original)}
        >
          Revoke
        </Button>
      ),
    }),
  ];
}

function Revocation({ token, onClose }: { token: Token; onClose: () => void }) {
  const revocation = useRevocation();
  return (
    <ConfirmModal
      title={`Revoke ${token.name}`}
      verb="Revoke"
      opened
      isPending={revocation.isPending}
      error={revocation.error}
      onConfirm={() => revocation.mutate(token.id, { onSuccess: onClose })}
      onClose={onClose}
    >
      Whoever uses it is refused from then on.
    </ConfirmModal>
  );
}
