import { Group, Title } from '@mantine/core';
import { useDocumentTitle } from '@mantine/hooks';
import type { ReactNode } from 'react';
import classes from './Place.module.css';

interface Props {
  title: string;
  actions?: ReactNode;
  /** Whether the place is as long as what it holds; otherwise it fills the window, for a table that scrolls by itself. */
  isLong?: boolean;
  children: ReactNode;
}

/** A place of the page: its heading, what can be done there, and the rest. */
export function Place({ title, actions, isLong, children }: Props) {
  useDocumentTitle(`${title} · mlferry`);
  return (
    <div className={classes.place} data-fills={!isLong || undefined}>
      <Group justify="space-between" gap="xs">
        <Title order={1} size="h3" className={classes.title}>
          {title}
        </Title>
        {actions && <Group gap="xs">{actions}</Group>}
      </Group>
      {children}
    </div>
  );
}
