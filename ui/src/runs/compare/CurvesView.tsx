import { Group, MultiSelect, SegmentedControl, SimpleGrid, Slider, Stack, Switch, Text } from '@mantine/core';
import { useState } from 'react';
import { MetricPanel } from '../../metrics/MetricPanel';
import { MOST_SMOOTHING, X_AXES, type XAxis } from '../../metrics/view';
import { EmptyState, trackingLine } from '../../shell/EmptyState';
import type { PlotProps } from './shared';

const TITLES: Record<XAxis, string> = { step: 'Step', time: 'Time', relative: 'Since start' };
/** Metrics of the machine begin with this; they are shown when they are picked. */
const SYSTEM = 'system/';

interface Props extends PlotProps {
  picked: string | undefined;
  onPick: (runId: string | undefined) => void;
}

/** The curves of each metric, in charts that share their settings. */
export function CurvesView({ columns, search, onChange, lines, picked, onPick }: Props) {
  const keys = columns.filter(({ kind }) => kind === 'metrics').map(({ key }) => key);
  const own = keys.filter((key) => !key.startsWith(SYSTEM));
  const metrics = search.metrics ?? (own.length > 0 ? own : keys);
  const view = { x: search.x ?? 'step', smooth: search.smooth ?? 0, isLog: search.log ?? false };
  if (keys.length === 0) {
    const run = `with mlflow.start_run(): [mlflow.log_metric("loss", 1 / (step + 1), step=step) for step in range(9)]`;
    return (
      <EmptyState title="These runs have no metrics" python={`import mlflow\n${trackingLine()}\n${run}`}>
        A curve is a metric that is logged again and again:
      </EmptyState>
    );
  }
  return (
    <Stack gap="sm">
      <Group gap="md" align="flex-end">
        <SegmentedControl
          aria-label="Horizontal axis"
          data={X_AXES.map((value) => ({ value, label: TITLES[value] }))}
          value={view.x}
          onChange={(x) => onChange({ x: X_AXES.find((one) => one === x) })}
        />
        <Smoothing value={view.smooth} onChange={(smooth) => onChange({ smooth: smooth || undefined })} />
        <Switch
          label="Logarithmic"
          checked={view.isLog}
          onChange={(event) => onChange({ log: event.currentTarget.checked || undefined })}
        />
        <MultiSelect
          aria-label="Metrics"
          placeholder={search.metrics ? undefined : 'All metrics'}
          data={keys}
          value={search.metrics ?? []}
          onChange={(picks) => onChange({ metrics: picks.length > 0 ? picks : undefined })}
          searchable
          clearable
          limit={100}
          miw={220}
          flex={1}
        />
      </Group>
      <Text size="xs" c="dimmed">
        Drag over a chart to zoom in, double click to see all again.
      </Text>
      <SimpleGrid cols={{ base: 1, md: 2, xl: 3 }} spacing="sm">
        {metrics.map((metric) => (
          <MetricPanel
            // A zoom into steps means nothing for times.
            key={`${view.x} ${metric}`}
            metric={metric}
            lines={lines}
            view={view}
            picked={picked}
            onPick={onPick}
          />
        ))}
      </SimpleGrid>
    </Stack>
  );
}

/** The strength of smoothing. It goes to the address when the thumb is let go. */
function Smoothing({ value, onChange }: { value: number; onChange: (value: number) => void }) {
  const [moved, setMoved] = useState(value);
  return (
    <Stack gap={2} w={160}>
      <Text size="xs" aria-hidden>
        Smoothing {moved}
      </Text>
      <Slider
        thumbLabel="Smoothing"
        label={null}
        min={0}
        max={MOST_SMOOTHING}
        step={0.01}
        value={moved}
        onChange={setMoved}
        onChangeEnd={onChange}
      />
    </Stack>
  );
}
