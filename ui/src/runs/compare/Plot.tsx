import { useComputedColorScheme } from '@mantine/core';
import { useElementSize } from '@mantine/hooks';
import { BarChart, ParallelChart, ScatterChart } from 'echarts/charts';
import { GridComponent, ParallelComponent, TooltipComponent } from 'echarts/components';
import { init, use as register, type EChartsCoreOption, type EChartsType } from 'echarts/core';
import { SVGRenderer } from 'echarts/renderers';
import { useEffect, useRef, useState } from 'react';

register([BarChart, GridComponent, ParallelComponent, ParallelChart, ScatterChart, SVGRenderer, TooltipComponent]);

/** Height of a plot in pixels. */
const HEIGHT_PX = 480;

/** A plot of ECharts. `label` tells what it shows to those who don't see it. */
export function Plot({ label, option }: { label: string; option: EChartsCoreOption }) {
  const { ref, width } = useElementSize<HTMLDivElement>();
  const [node, setNode] = useState<HTMLDivElement | null>(null);
  const plot = useRef<EChartsType>(null);
  const isDark = useComputedColorScheme('light') === 'dark';
  const isMeasured = width > 0;

  useEffect(() => {
    if (!node || !isMeasured) return undefined;
    const made = init(node, isDark ? 'dark' : undefined, { renderer: 'svg' });
    plot.current = made;
    return () => {
      plot.current = null;
      made.dispose();
    };
  }, [node, isMeasured, isDark]);

  useEffect(() => {
    plot.current?.setOption({ backgroundColor: 'transparent', animation: false, ...option }, { notMerge: true });
  }, [option, node, isMeasured, isDark]);

  useEffect(() => {
    if (isMeasured) plot.current?.resize({ width, height: HEIGHT_PX });
  }, [isMeasured, width]);

  return (
    <div ref={ref}>
      <div ref={setNode} role="img" aria-label={label} style={{ height: HEIGHT_PX }} />
    </div>
  );
}
