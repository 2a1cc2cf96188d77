import 'uplot/dist/uPlot.min.css';

import { useComputedColorScheme } from '@mantine/core';
import { useInViewport } from '@mantine/hooks';
import { useQuery } from '@tanstack/react-query';
import { useEffect, useRef } from 'react';
import uPlot, { type AlignedData, type Options } from 'uplot';
import { historiesQuery } from '../metrics/histories';

/** Width and height in pixels. */
const WIDTH_PX = 120;
const HEIGHT_PX = 24;

/** The curve of a metric, as small as a word. It is asked for when it comes into sight. */
export default function Sparkline({ runId, metric }: { runId: string; metric: string }) {
  const { ref, inViewport } = useInViewport<HTMLDivElement>();
  const target = useRef<HTMLDivElement>(null);
  const isDark = useComputedColorScheme('light') === 'dark';
  const { data: points } = useQuery({ ...historiesQuery({ runIds: [runId], metric }), enabled: inViewport });
  useEffect(() => {
    if (!target.current || !points || points.length < 2) return undefined;
    const data: AlignedData = [points.map(({ step = 0 }) => step), points.map(({ value }) => drawn(Number(value)))];
    const chart = new uPlot(options(isDark ? '#8ab4f8' : '#1864ab'), data, target.current);
    return () => chart.destroy();
  }, [points, isDark]);
  return (
    <div ref={ref} style={{ width: WIDTH_PX, height: HEIGHT_PX }}>
      <div ref={target} role="img" aria-label={`Curve of ${metric}`} />
    </div>
  );
}

/** NaN and infinite values are gaps. */
function drawn(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}

function options(stroke: string): Options {
  return {
    width: WIDTH_PX,
    height: HEIGHT_PX,
    padding: [2, 2, 2, 2],
    legend: { show: false },
    cursor: { show: false },
    axes: [{ show: false }, { show: false }],
    scales: { x: { time: false } },
    series: [{}, { stroke, width: 1.5, points: { show: false } }],
  };
}
