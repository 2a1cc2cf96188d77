import { UnstyledButton } from '@mantine/core';
import { duration } from '../shell/times';
import type { Bar } from './spans';
import classes from './Waterfall.module.css';

/** How far a span stands behind the one that it is part of, in pixels. */
const INDENT_PX = 16;
/** Deeper spans are not moved further: their names would have no room. */
const MOST_INDENTS = 10;

interface Props {
  bars: readonly Bar[];
  /** Id of the span that is shown in detail. */
  chosen: string;
  onChoose: (spanId: string) => void;
}

/** The spans below each other, each with a bar from its start to its end. */
export function Waterfall({ bars, chosen, onChoose }: Props) {
  const whole = Math.max(...bars.map((bar) => bar.start + bar.duration), 0) || 1;
  const percent = (ms: number) => `${(ms / whole) * 100}%`;
  return (
    <ol className={classes.list} aria-label="Spans">
      {bars.map(({ span, depth, start, duration: ms, isError }) => (
        <li key={span.span_id}>
          <UnstyledButton
            className={classes.span}
            aria-current={span.span_id === chosen}
            onClick={() => onChoose(span.span_id)}
          >
            <span className={classes.name} style={{ paddingLeft: Math.min(depth, MOST_INDENTS) * INDENT_PX }}>
              {span.name}
              {isError && <strong> failed</strong>}
            </span>
            <span className={classes.duration}>{duration(ms)}</span>
            <span className={classes.track} aria-hidden>
              <span
                className={classes.bar}
                data-error={isError || undefined}
                style={{ marginLeft: percent(start), width: percent(ms) }}
              />
            </span>
          </UnstyledButton>
        </li>
      ))}
    </ol>
  );
}
