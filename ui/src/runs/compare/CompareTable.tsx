import { ScrollArea, Stack, Switch, Table } from '@mantine/core';
import { EmptyState } from '../../shell/EmptyState';
import { PageLink } from '../../shell/PageLink';
import { idOf, isReserved, nameOf, shown, titleOf, valuesOf, type Column, type Kind } from '../columns';
import { areEqual } from './plots';
import type { CompareProps } from './shared';

const ONE: Record<Kind, string> = { attributes: 'attribute', metrics: 'metric', params: 'param', tags: 'tag' };

/** A column for each run, a row for each value in which they differ. */
export function CompareTable({ runs, columns, search, onChange }: CompareProps) {
  const own = columns.filter((column) => !isReserved(column));
  const rows = search.all ? own : own.filter((column) => !areEqual(column, runs));
  return (
    <Stack gap="sm">
      <Switch
        label="Show what all have in common, too"
        checked={search.all ?? false}
        onChange={(event) => onChange({ all: event.currentTarget.checked || undefined })}
      />
      {rows.length === 0 ? (
        <EmptyState title="These runs differ in nothing" />
      ) : (
        <ScrollArea viewportProps={{ tabIndex: 0, role: 'region', 'aria-label': 'Differences' }}>
          <Table aria-label="Differences" striped withColumnBorders layout="auto">
            <Table.Thead>
              <Table.Tr>
                <Table.Th scope="col">Name</Table.Th>
                {runs.map((run) => (
                  <Table.Th key={run.info.run_id} scope="col" miw={120}>
                    <PageLink to="/runs/$runId" params={{ runId: run.info.run_id }}>
                      {nameOf(run)}
                    </PageLink>
                  </Table.Th>
                ))}
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {rows.map((column) => (
                <Row key={idOf(column)} column={column} runs={runs} />
              ))}
            </Table.Tbody>
          </Table>
        </ScrollArea>
      )}
    </Stack>
  );
}

function Row({ column, runs }: { column: Column; runs: CompareProps['runs'] }) {
  return (
    <Table.Tr>
      <Table.Th scope="row" title={ONE[column.kind]} style={{ overflowWrap: 'anywhere' }}>
        {titleOf(column)}
      </Table.Th>
      {runs.map((run) => (
        <Table.Td key={run.info.run_id} maw={280} style={{ overflowWrap: 'anywhere' }}>
          {shown(column, valuesOf(run).get(idOf(column)))}
        </Table.Td>
      ))}
    </Table.Tr>
  );
}
