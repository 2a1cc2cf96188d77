import { SimpleGrid, Stack } from '@mantine/core';
import type { Run } from '../api/types';
import { Facts } from './Facts';
import { Inputs } from './Inputs';
import { MetricsTable } from './MetricsTable';
import { Note } from './Note';
import { Tags } from './Tags';
import { ValuesTable } from './ValuesTable';

/** What a run is, what went in, and what came out. */
export function Overview({ run }: { run: Run }) {
  return (
    <Stack gap="lg">
      <Facts run={run} />
      <Note run={run} />
      <SimpleGrid cols={{ base: 1, md: 2 }} spacing="lg">
        <MetricsTable run={run} />
        <ValuesTable title="Params" rows={run.data?.params ?? []} />
      </SimpleGrid>
      <Tags run={run} />
      <Inputs run={run} />
    </Stack>
  );
}
