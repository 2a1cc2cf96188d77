import { Loader, Stack, Tabs } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';
import { lazy, Suspense, useMemo, useState } from 'react';
import type { Run } from '../../api/types';
import { useChanges } from '../../live/changes';
import { linesOf } from '../../metrics/lines';
import { EmptyState } from '../../shell/EmptyState';
import { Failure } from '../../shell/Failure';
import { PageLink } from '../../shell/PageLink';
import { Place } from '../../shell/Place';
import { columnsOf, valuesOf } from '../columns';
import { comparedQuery } from '../queries';
import { CompareTable } from './CompareTable';
import { CurvesView } from './CurvesView';
import { RunLegend } from './RunLegend';
import { VIEWS, type CompareSearch, type View } from './search';

const route = getRouteApi('/experiments/$experimentId/compare');
const TITLES: Record<View, string> = {
  curves: 'Curves',
  table: 'Table',
  bars: 'Bars',
  scatter: 'Scatter',
  parallel: 'Parallel',
};
const NO_RUNS: Run[] = [];

// With the library that draws them, which nobody loads who looks at curves.
const BarView = lazy(() => import('./BarView'));
const ScatterView = lazy(() => import('./ScatterView'));
const ParallelView = lazy(() => import('./ParallelView'));

/** Runs of an experiment side by side. */
export function ComparePage() {
  const { experimentId } = route.useParams();
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const [picked, setPicked] = useState<string>();
  const [hidden, setHidden] = useState<readonly string[]>([]);
  const { data: runs = NO_RUNS, error, isPending, refetch } = useQuery(comparedQuery(experimentId, search.runs ?? []));
  const running = runs.filter(({ info }) => info.status === 'RUNNING').map(({ info }) => info.run_id);
  useChanges({ run_ids: running, experiment_ids: [] });
  const columns = useMemo(() => columnsOf(runs.map((run) => valuesOf(run).keys())), [runs]);
  const lines = useMemo(() => linesOf(runs), [runs]);
  const drawn = useMemo(() => lines.filter((line) => !hidden.includes(line.runId)), [lines, hidden]);
  const change = (part: CompareSearch) => void navigate({ search: (old) => ({ ...old, ...part }), replace: true });
  const view = search.view ?? 'curves';
  const shared = { runs, columns, search, onChange: change };

  return (
    <Place title={runs.length === 1 ? '1 run' : `Compare ${runs.length} runs`} isLong>
      <PageLink
        to="/experiments/$experimentId/runs"
        params={{ experimentId }}
        search={{ selected: search.runs }}
        size="sm"
        style={{ alignSelf: 'flex-start' }}
      >
        Select other runs
      </PageLink>
      {error && <Failure title="The runs can't be shown" error={error} onRepeat={() => void refetch()} />}
      {isPending && <Loader aria-label="Loading the runs" />}
      {!error && !isPending && runs.length === 0 && (
        <EmptyState title="No runs to compare">
          Select some in the table of runs. Those of this address are gone.
        </EmptyState>
      )}
      {runs.length > 0 && (
        <Tabs value={view} onChange={(next) => change({ view: VIEWS.find((one) => one === next) })} keepMounted={false}>
          <Tabs.List aria-label="How to compare" mb="sm">
            {VIEWS.map((one) => (
              <Tabs.Tab key={one} value={one}>
                {TITLES[one]}
              </Tabs.Tab>
            ))}
          </Tabs.List>
          <Tabs.Panel value="curves">
            <Stack gap="sm">
              <RunLegend lines={lines} hidden={hidden} picked={picked} onHide={setHidden} onPick={setPicked} />
              <CurvesView {...shared} lines={drawn} picked={picked} onPick={setPicked} />
            </Stack>
          </Tabs.Panel>
          <Tabs.Panel value="table">
            <CompareTable {...shared} />
          </Tabs.Panel>
          <Suspense fallback={<Loader aria-label="Loading the plot" />}>
            <Tabs.Panel value="bars">
              <BarView {...shared} lines={lines} />
            </Tabs.Panel>
            <Tabs.Panel value="scatter">
              <ScatterView {...shared} lines={lines} />
            </Tabs.Panel>
            <Tabs.Panel value="parallel">
              <ParallelView {...shared} lines={lines} />
            </Tabs.Panel>
          </Suspense>
        </Tabs>
      )}
    </Place>
  );
}
