import { Alert, Loader, Tabs } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';
import { lazy, Suspense } from 'react';
import { useChanges } from '../live/changes';
import { nameOf } from '../runs/columns';
import { StatusBadge } from '../runs/StatusBadge';
import { Failure } from '../shell/Failure';
import { Place } from '../shell/Place';
import { Overview } from './Overview';
import { runQuery } from './queries';
import { TABS, type RunSearch, type Tab } from './search';

const route = getRouteApi('/runs/$runId');
const TITLES: Record<Tab, string> = {
  overview: 'Overview',
  metrics: 'Metrics',
  system: 'System metrics',
  artifacts: 'Artifacts',
};

// With charts, or with the tree and what shows files.
const RunCurves = lazy(() => import('./RunCurves'));
const RunArtifacts = lazy(() => import('./RunArtifacts'));

/** One run: what was logged to it, its curves, and its files. */
export function RunPage() {
  const { runId } = route.useParams();
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const { data: run, error, refetch } = useQuery(runQuery(runId));
  useChanges({ run_ids: run?.info.status === 'RUNNING' ? [runId] : [], experiment_ids: [] });
  if (error) return <Failure title="The run can't be shown" error={error} onRepeat={() => void refetch()} />;
  if (!run) return <Loader aria-label="Loading the run" />;
  const tab = search.tab ?? 'overview';
  const change = (part: RunSearch) => void navigate({ search: (old) => ({ ...old, ...part }), replace: true });
  return (
    <Place title={nameOf(run)} isLong actions={<StatusBadge status={run.info.status} />}>
      {run.info.lifecycle_stage === 'deleted' && (
        <Alert color="orange" variant="outline" title="This run is deleted">
          It can be restored in the table of runs, among the deleted ones.
        </Alert>
      )}
      <Tabs
        value={tab}
        // A place to which one may come back.
        onChange={(next) => void navigate({ search: { tab: TABS.find((one) => one === next) } })}
        keepMounted={false}
      >
        <Tabs.List aria-label="Parts of the run" mb="sm">
          {TABS.map((one) => (
            <Tabs.Tab key={one} value={one}>
              {TITLES[one]}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        <Suspense fallback={<Loader aria-label={`Loading: ${TITLES[tab]}`} />}>
          <Tabs.Panel value="overview">
            <Overview run={run} />
          </Tabs.Panel>
          <Tabs.Panel value="metrics">
            <RunCurves key="metrics" run={run} isSystem={false} search={search} onChange={change} />
          </Tabs.Panel>
          <Tabs.Panel value="system">
            <RunCurves key="system" run={run} isSystem search={search} onChange={change} />
          </Tabs.Panel>
          <Tabs.Panel value="artifacts">
            <RunArtifacts
              run={run}
              path={search.path}
              onPath={(path) => void navigate({ search: (old) => ({ ...old, path }) })}
            />
          </Tabs.Panel>
        </Suspense>
      </Tabs>
    </Place>
  );
}
