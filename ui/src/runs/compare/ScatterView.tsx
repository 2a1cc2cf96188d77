import { Group, Select, Stack, Text } from '@mantine/core';
import { useMemo } from 'react';
import { idOf, isReserved, titleOf } from '../columns';
import { axisOf, differing, placeOn, type Axis } from './plots';
import { Plot } from './Plot';
import type { PlotProps } from './shared';

/** One point for each run, on two axes that can be picked. */
export default function ScatterView({ runs, columns, search, onChange, lines }: PlotProps) {
  const differ = differing(columns, runs);
  const first = (kind: string) =>
    differ.find((column) => column.kind === kind) ?? columns.find((column) => column.kind === kind);
  const start = columns[0] && idOf(columns[0]);
  const tried = first('params');
  const came = first('metrics');
  const horizontal = search.horizontal ?? (tried ? idOf(tried) : start);
  const vertical = search.vertical ?? (came ? idOf(came) : start);
  const choices = columns
    .filter((column) => !isReserved(column))
    .map((column) => ({ value: idOf(column), label: idOf(column) }));

  const drawn = useMemo(() => {
    const across = axisOf(horizontal ?? '', runs);
    const up = axisOf(vertical ?? '', runs);
    if (!across || !up) return undefined;
    const points = lines.flatMap(({ label, color }, index) => {
      const run = runs[index];
      const place = run && [placeOn(across, run), placeOn(up, run)];
      if (!place || place.includes(undefined)) return [];
      return [{ name: label, value: place, itemStyle: { color } }];
    });
    return { across, up, points, option: scatterOption(across, up, points) };
  }, [horizontal, vertical, runs, lines]);

  const axis = (label: string, value: string | undefined, pick: (id: string | undefined) => void) => (
    <Select
      label={label}
      data={choices}
      value={value ?? null}
      onChange={(id) => pick(id ?? undefined)}
      searchable
      limit={200}
      flex={1}
      miw={200}
    />
  );
  return (
    <Stack gap="sm">
      <Group gap="md">
        {axis('Horizontal axis', horizontal, (id) => onChange({ horizontal: id }))}
        {axis('Vertical axis', vertical, (id) => onChange({ vertical: id }))}
      </Group>
      {drawn && (
        <>
          <Text size="xs" c="dimmed" role="status">
            {drawn.points.length} of {runs.length} runs have both values
          </Text>
          <Plot label={`${titleOf(drawn.up.column)} over ${titleOf(drawn.across.column)}`} option={drawn.option} />
        </>
      )}
    </Stack>
  );
}

function scatterOption(across: Axis, up: Axis, points: object[]) {
  return {
    grid: { left: 24, right: 24, top: 40, bottom: 40 },
    tooltip: { trigger: 'item', renderMode: 'richText' },
    xAxis: { ...scaleOf(across), nameLocation: 'middle', nameGap: 28 },
    yAxis: scaleOf(up),
    series: [{ type: 'scatter', symbolSize: 11, data: points }],
  };
}

function scaleOf({ title, words, isTime }: Axis) {
  if (words) return { type: 'category', name: title, data: words };
  return { type: isTime ? 'time' : 'value', name: title, scale: true };
}
