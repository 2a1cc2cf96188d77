import { MultiSelect, Stack, Text } from '@mantine/core';
import { useMemo } from 'react';
import { EmptyState } from '../../shell/EmptyState';
import { idOf, isReserved } from '../columns';
import { axisOf, firstAxes, placeOn } from './plots';
import { Plot } from './Plot';
import type { PlotProps } from './shared';

/** One line for each run, across an axis for each column that is picked. */
export default function ParallelView({ runs, columns, search, onChange, lines }: PlotProps) {
  const ids = useMemo(() => search.axes ?? firstAxes(columns, runs), [search.axes, columns, runs]);
  const option = useMemo(() => {
    const axes = ids.flatMap((id) => axisOf(id, runs) ?? []);
    return {
      tooltip: { renderMode: 'richText' },
      parallel: { left: 64, right: 96, top: 56, bottom: 32 },
      parallelAxis: axes.map(({ title, words, isTime }, dim) => ({
        dim,
        name: title,
        scale: true,
        ...(words ? { type: 'category', data: words } : { type: isTime ? 'time' : 'value' }),
      })),
      series: [
        {
          type: 'parallel',
          smooth: false,
          lineStyle: { width: 2, opacity: 0.8 },
          data: runs.map((run, index) => ({
            name: lines[index]?.label,
            value: axes.map((axis) => placeOn(axis, run) ?? '-'),
            lineStyle: { color: lines[index]?.color },
          })),
        },
      ],
    };
  }, [ids, runs, lines]);
  return (
    <Stack gap="sm">
      <MultiSelect
        label="Axes"
        data={columns.filter((column) => !isReserved(column)).map(idOf)}
        value={ids}
        onChange={(axes) => onChange({ axes: axes.length > 0 ? axes : undefined })}
        searchable
        limit={200}
      />
      {ids.length < 2 ? (
        <EmptyState title="Pick at least two axes" />
      ) : (
        <>
          <Text size="xs" c="dimmed">
            Drag along an axis to keep only the runs that cross it there.
          </Text>
          <Plot label={`${runs.length} runs across ${ids.join(', ')}`} option={option} />
        </>
      )}
    </Stack>
  );
}
