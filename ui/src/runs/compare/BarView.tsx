import { Select, Stack } from '@mantine/core';
import { useMemo } from 'react';
import { EmptyState } from '../../shell/EmptyState';
import { shownNumber, valuesOf } from '../columns';
import { Plot } from './Plot';
import type { PlotProps } from './shared';

/** A bar for each run, as long as the last value of a metric. */
export default function BarView({ runs, columns, search, onChange, lines }: PlotProps) {
  const metrics = columns.filter(({ kind }) => kind === 'metrics').map(({ key }) => key);
  const metric = search.bar ?? metrics[0] ?? '';
  const option = useMemo(() => {
    const bars = lines.map(({ color }, index) => {
      const value = runs[index] && valuesOf(runs[index]).get(`metrics.${metric}`);
      return { value: Number.isFinite(value) ? value : '-', itemStyle: { color } };
    });
    return {
      grid: { left: 24, right: 64, top: 16, bottom: 40 },
      xAxis: { type: 'value', name: metric, nameLocation: 'middle', nameGap: 28 },
      yAxis: { type: 'category', inverse: true, data: lines.map((line) => line.label) },
      series: [
        {
          type: 'bar',
          barMaxWidth: 28,
          data: bars,
          label: {
            show: true,
            position: 'right',
            formatter: ({ value }: { value: unknown }) => shownNumber(Number(value)),
          },
        },
      ],
    };
  }, [runs, lines, metric]);
  if (metrics.length === 0) return <EmptyState title="These runs have no metrics" />;
  return (
    <Stack gap="sm">
      <Select
        label="Metric"
        data={metrics}
        value={metric}
        onChange={(bar) => onChange({ bar: bar ?? undefined })}
        searchable
        limit={200}
        maw={420}
      />
      <Plot label={`Last ${metric} of ${runs.length} runs`} option={option} />
    </Stack>
  );
}
