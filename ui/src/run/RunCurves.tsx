import { useMemo, useState } from 'react';
import type { Run } from '../api/types';
import { linesOf } from '../metrics/lines';
import { columnsOf, valuesOf } from '../runs/columns';
import { CurvesView } from '../runs/compare/CurvesView';
import { EmptyState, trackingLine } from '../shell/EmptyState';
import type { RunSearch } from './search';
import { isSystemMetric } from './values';

interface Props {
  run: Run;
  /** Whether the machine's metrics are shown, rather than those of the run. */
  isSystem: boolean;
  search: RunSearch;
  onChange: (part: RunSearch) => void;
}

/** The curves of one run. */
export default function RunCurves({ run, isSystem, search, onChange }: Props) {
  const [picked, setPicked] = useState<string>();
  const runs = useMemo(() => [run], [run]);
  const id = run.info.run_id;
  // Kept while a run that goes on is asked for again: charts are made anew for other lines.
  // eslint-disable-next-line react-hooks/exhaustive-deps
  const lines = useMemo(() => linesOf(runs), [id]);
  const columns = useMemo(
    () =>
      columnsOf([valuesOf(run).keys()]).filter(
        ({ kind, key }) => kind === 'metrics' && isSystemMetric(key) === isSystem,
      ),
    [run, isSystem],
  );
  if (isSystem && columns.length === 0) return <NoSystemMetrics />;
  return (
    <CurvesView
      runs={runs}
      columns={columns}
      search={search}
      onChange={onChange}
      lines={lines}
      picked={picked}
      onPick={setPicked}
    />
  );
}

function NoSystemMetrics() {
  const run = `with mlflow.start_run(log_system_metrics=True): train()`;
  return (
    <EmptyState title="No system metrics" python={`import mlflow\n${trackingLine()}\n${run}`}>
      MLflow&apos;s client logs them for runs that are started so (it needs psutil):
    </EmptyState>
  );
}
