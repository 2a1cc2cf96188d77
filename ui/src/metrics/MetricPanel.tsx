import { Paper, Title } from '@mantine/core';
import { useInViewport } from '@mantine/hooks';
import { useQuery } from '@tanstack/react-query';
import { useMemo, useState } from 'react';
import { Failure } from '../shell/Failure';
import { alignedCurves } from './curves';
import { historiesQuery, type StepRange } from './histories';
import type { Line } from './lines';
import { MetricChart } from './MetricChart';
import type { CurveView } from './view';

interface Props {
  metric: string;
  lines: readonly Line[];
  view: CurveView;
  picked: string | undefined;
  onPick: (runId: string | undefined) => void;
}

/** The curves of one metric, asked for when the panel comes into sight. A zoom asks for the points between. */
export function MetricPanel({ metric, lines, view, picked, onPick }: Props) {
  const { ref, inViewport } = useInViewport();
  const [range, setRange] = useState<StepRange>();
  const runIds = useMemo(() => lines.map((line) => line.runId), [lines]);
  // Only steps can be asked for by their range; other axes zoom into what is there.
  const asked = view.x === 'step' ? range : undefined;
  const query = historiesQuery({ runIds, metric, range: asked });
  const { data: points, error, refetch } = useQuery({ ...query, enabled: inViewport });
  const data = useMemo(() => points && alignedCurves(points, runIds, view), [points, runIds, view]);
  return (
    <Paper ref={ref} withBorder p="xs" component="section" aria-label={metric} mih={310}>
      <Title order={2} size="sm" mb={4} style={{ overflowWrap: 'anywhere' }}>
        {metric}
      </Title>
      {error && <Failure title="The curves can't be shown" error={error} onRepeat={() => void refetch()} />}
      {data && (
        <MetricChart
          label={`Curves of ${metric} by ${view.x}: ${lines.map((line) => line.label).join(', ')}`}
          data={data}
          lines={lines}
          x={view.x}
          isLog={view.isLog}
          isZoomed={range !== undefined}
          picked={picked}
          onPick={onPick}
          onZoom={(zoom) => setRange(zoom && { start: Math.floor(zoom.min), end: Math.ceil(zoom.max) })}
        />
      )}
    </Paper>
  );
}
