import { lazy, Suspense } from 'react';
import type { Run } from '../api/types';
import { shownNumber } from '../runs/columns';
import { ValuesTable } from './ValuesTable';
import { isSystemMetric } from './values';

const Sparkline = lazy(() => import('./Sparkline'));

/** The last values of a run's metrics, with how they came there. */
export function MetricsTable({ run }: { run: Run }) {
  const rows = (run.data?.metrics ?? []).filter(({ key }) => !isSystemMetric(key));
  return (
    <ValuesTable
      title="Metrics"
      rows={rows}
      shown={({ value }) => shownNumber(Number(value))}
      more={({ key, step }) =>
        // A single value is no curve.
        step ? (
          <Suspense>
            <Sparkline runId={run.info.run_id} metric={key} />
          </Suspense>
        ) : null
      }
    />
  );
}
