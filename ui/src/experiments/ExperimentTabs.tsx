import { Group } from '@mantine/core';
import { PageLink } from '../shell/PageLink';

/** Leads from what an experiment holds to what else it holds. */
export function ExperimentTabs({ experimentId }: { experimentId: string }) {
  return (
    <Group component="nav" aria-label="Of this experiment" gap="md">
      <PageLink to="/experiments/$experimentId/runs" params={{ experimentId }} activeProps={{ fw: 700 }}>
        Runs
      </PageLink>
      <PageLink to="/experiments/$experimentId/traces" params={{ experimentId }} activeProps={{ fw: 700 }}>
        Traces
      </PageLink>
    </Group>
  );
}
