import 'uplot/dist/uPlot.min.css';

import { Text, useComputedColorScheme } from '@mantine/core';
import { useElementSize } from '@mantine/hooks';
import { useEffect, useEffectEvent, useRef, useState } from 'react';
import uPlot, { type AlignedData } from 'uplot';
import { chartOptions, HEIGHT_PX, type ChartEvents } from './chartOptions';

import type { Line } from './lines';
import type { XAxis } from './view';

interface Props {
  /** What the chart shows, for those who don't see it. */
  label: string;
  data: AlignedData;
  lines: readonly Line[];
  x: XAxis;
  isLog: boolean;
  /** Whether the chart was zoomed, and stays where it is when the data change. */
  isZoomed: boolean;
  /** Id of the run whose curve stands out. */
  picked: string | undefined;
  onPick: ChartEvents['onPick'];
  onZoom: ChartEvents['onZoom'];
}

/** Curves in uPlot. */
export function MetricChart({ label, data, lines, x, isLog, isZoomed, picked, onPick, onZoom }: Props) {
  const { ref, width } = useElementSize<HTMLDivElement>();
  const [node, setNode] = useState<HTMLDivElement | null>(null);
  const chart = useRef<uPlot>(null);
  const [point, setPoint] = useState('');
  const isDark = useComputedColorScheme('light') === 'dark';
  const isMeasured = width > 0;

  const tellPick = useEffectEvent(onPick);
  const tellZoom = useEffectEvent(onZoom);
  const create = useEffectEvent((target: HTMLDivElement) => {
    const events = { onPick: tellPick, onPoint: setPoint, onZoom: tellZoom };
    return new uPlot(chartOptions({ lines, x, isLog, width, isDark }, events), data, target);
  });
  const fill = useEffectEvent((plot: uPlot) => {
    plot.setData(data, !isZoomed);
    const { min, max } = plot.scales.x ?? { min: null, max: null };
    // The same x values as before, for which the y axis finds its own again.
    if (isZoomed && min != null && max != null) plot.setScale('x', { min, max });
  });

  // A chart is made anew for what uPlot can't change.
  useEffect(() => {
    if (!node || !isMeasured) return undefined;
    const made = create(node);
    chart.current = made;
    return () => {
      chart.current = null;
      made.destroy();
    };
  }, [node, isMeasured, lines, x, isLog, isDark]);

  useEffect(() => {
    if (chart.current) fill(chart.current);
  }, [data]);

  useEffect(() => {
    if (isMeasured) chart.current?.setSize({ width, height: HEIGHT_PX });
  }, [isMeasured, width]);

  useEffect(() => {
    const series = lines.findIndex((line) => line.runId === picked) + 1;
    chart.current?.setSeries(series || null, { focus: true }, false);
  }, [picked, lines]);

  return (
    <div ref={ref}>
      <div ref={setNode} role="img" aria-label={label} style={{ minHeight: HEIGHT_PX }} />
      <Text size="xs" c="dimmed" mih={18} truncate>
        {point}
      </Text>
    </div>
  );
}
