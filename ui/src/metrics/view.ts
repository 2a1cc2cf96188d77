/** How curves are drawn. */

/** What lies on the x axis: the step, the time of day, or the time since the run's first value; times in milliseconds. */
export const X_AXES = ['step', 'time', 'relative'] as const;
export type XAxis = (typeof X_AXES)[number];

/** The strongest smoothing: a weight of 1 would never move. */
export const MOST_SMOOTHING = 0.99;

export interface CurveView {
  x: XAxis;
  /** Weight of what came before, from 0 to `MOST_SMOOTHING`. */
  smooth: number;
  isLog: boolean;
}
