import { ColorSwatch, Group, UnstyledButton } from '@mantine/core';
import type { Line } from '../../metrics/lines';
import classes from './RunLegend.module.css';

interface Props {
  lines: readonly Line[];
  /** Ids of the runs whose curves are hidden. */
  hidden: readonly string[];
  picked: string | undefined;
  onHide: (hidden: readonly string[]) => void;
  onPick: (runId: string | undefined) => void;
}

/** The runs with their colours. Pointing at one makes its curves stand out, pressing it hides them. */
export function RunLegend({ lines, hidden, picked, onHide, onPick }: Props) {
  const toggle = (id: string) => onHide(hidden.includes(id) ? hidden.filter((one) => one !== id) : [...hidden, id]);
  return (
    <Group gap={4} role="group" aria-label="Runs whose curves are shown" className={classes.legend}>
      {lines.map(({ runId, label, color }) => (
        <UnstyledButton
          key={runId}
          className={classes.run}
          aria-pressed={!hidden.includes(runId)}
          data-picked={picked === runId || undefined}
          onClick={() => toggle(runId)}
          onMouseEnter={() => onPick(runId)}
          onMouseLeave={() => onPick(undefined)}
          onFocus={() => onPick(runId)}
          onBlur={() => onPick(undefined)}
        >
          <ColorSwatch component="span" size={12} color={color} withShadow={false} />
          {label}
        </UnstyledButton>
      ))}
    </Group>
  );
}
