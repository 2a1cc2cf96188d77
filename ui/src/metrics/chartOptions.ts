/** What uPlot is told of a chart of curves. */

import type { Options } from 'uplot';
import { shownNumber } from '../runs/columns';
import { duration, moment } from '../shell/times';
import { nearestDrawn } from './curves';
import type { Line } from './lines';
import type { XAxis } from './view';

/** Height of a chart in pixels. */
export const HEIGHT_PX = 260;
/** Room for the numbers beside the y axis, in pixels. */
const Y_AXIS_PX = 68;
/** So near, in pixels, the pointer picks a curve. */
const NEAR_PX = 24;
/** How much of their colour curves keep while another one is picked. */
const FADED = 0.2;

/** What the chart tells: the curve that is picked, the point under the cursor, the x values that were marked. */
export interface ChartEvents {
  onPick: (runId: string | undefined) => void;
  onPoint: (told: string) => void;
  /** `undefined` after a double click, which shows all again. */
  onZoom: (range: { min: number; max: number } | undefined) => void;
}

interface Look {
  lines: readonly Line[];
  x: XAxis;
  isLog: boolean;
  width: number;
  isDark: boolean;
}

export function chartOptions({ lines, x, isLog, width, isDark }: Look, events: ChartEvents): Options {
  const axis = { stroke: isDark ? '#c9c9c9' : '#343a40', grid: { stroke: isDark ? '#3b3b3b' : '#e9ecef', width: 1 } };
  let picked: number | null = null;
  return {
    width,
    height: HEIGHT_PX,
    ms: 1,
    legend: { show: false },
    focus: { alpha: FADED },
    cursor: {
      focus: { prox: NEAR_PX },
      drag: { x: true, y: false },
      sync: { key: x },
      dataIdx: (plot, series, place) => (series === 0 ? place : nearestDrawn(plot.data[series] ?? [], place)),
      bind: {
        dblclick: (_plot, _target, reset) => (event) => {
          events.onZoom(undefined);
          reset(event);
          return null;
        },
      },
    },
    // eslint-disable-next-line @typescript-eslint/no-unsafe-enum-assignment -- its enum is only in its types
    scales: { x: { time: x === 'time' }, y: { distr: isLog ? 3 : 1 } },
    axes: [
      x === 'time' ? axis : { ...axis, values: (_plot, splits) => splits.map((value) => shownX(x, value)) },
      { ...axis, size: Y_AXIS_PX, values: (_plot, splits: (number | null)[]) => splits.map(shownY) },
    ],
    series: [{}, ...lines.map(({ label, color }) => ({ label, stroke: color, width: 1.5 }))],
    hooks: {
      setSelect: [
        (plot) => {
          const { left, width: marked } = plot.select;
          if (marked > 0) events.onZoom({ min: plot.posToVal(left, 'x'), max: plot.posToVal(left + marked, 'x') });
        },
      ],
      setSeries: [
        (_plot, series) => {
          picked = series;
          events.onPick(series ? lines[series - 1]?.runId : undefined);
        },
      ],
      setCursor: [
        (plot) => {
          const place = picked ? plot.cursor.idxs?.[picked] : undefined;
          const line = picked ? lines[picked - 1] : undefined;
          const at = place == null ? undefined : plot.data[0][place];
          const value = place == null || !picked ? undefined : plot.data[picked]?.[place];
          const isPoint = line && at !== undefined && value != null;
          events.onPoint(isPoint ? `${line.label}: ${shownNumber(value)} at ${told(x, at)}` : '');
        },
      ],
    },
  };
}

function shownX(x: XAxis, value: number): string {
  return x === 'relative' ? duration(value) : shownNumber(value);
}

/** Of a logarithmic axis only some values are written. */
function shownY(value: number | null): string {
  return value === null ? '' : shownNumber(value);
}

function told(x: XAxis, value: number): string {
  if (x === 'time') return moment(value);
  return x === 'step' ? `step ${value}` : duration(value);
}
