import { Button, Code, CopyButton, Group, Stack, Text, Title } from '@mantine/core';
import type { ReactNode } from 'react';

/** What stands where nothing is yet: what belongs there, and the lines of Python that put it there. */
export function EmptyState({ title, python, children }: { title: string; python?: string; children?: ReactNode }) {
  return (
    <Stack gap="xs" p="md" maw={720}>
      <Title order={2} size="h4">
        {title}
      </Title>
      {children && <Text c="dimmed">{children}</Text>}
      {python && (
        <>
          <Code block tabIndex={0}>
            {python}
          </Code>
          <Group>
            <CopyButton value={python}>
              {({ copied, copy }) => (
                <Button size="xs" variant="default" onClick={copy}>
                  {copied ? 'Copied' : 'Copy'}
                </Button>
              )}
            </CopyButton>
          </Group>
        </>
      )}
    </Stack>
  );
}

/** The line of Python that points MLflow's client at the server of this page. */
export function trackingLine(location: Pick<Location, 'origin' | 'pathname'> = window.location): string {
  return `mlflow.set_tracking_uri("${location.origin}${location.pathname.replace(/\/$/, '')}")`;
}
