import { Button, Group, Loader, Paper, Stack, Textarea, Title } from '@mantine/core';
import { lazy, Suspense, useState } from 'react';
import type { Run } from '../api/types';
import { Failure } from '../shell/Failure';
import { useTagChange } from './queries';
import { NOTE, tagOf } from './values';

const Markdown = lazy(async () => ({ default: (await import('../markdown/Markdown')).Markdown }));

/** What people wrote about the run, in Markdown. */
export function Note({ run }: { run: Run }) {
  const text = tagOf(run, NOTE) ?? '';
  const [draft, setDraft] = useState<string>();
  const change = useTagChange(run.info.run_id);
  const save = (value: string) => change.mutate({ key: NOTE, value }, { onSuccess: () => setDraft(undefined) });
  return (
    <section aria-label="Note">
      <Group justify="space-between" mb={4}>
        <Title order={2} size="h5">
          Note
        </Title>
        {draft === undefined && (
          <Button size="xs" variant="default" onClick={() => setDraft(text)}>
            {text ? 'Change note' : 'Write a note'}
          </Button>
        )}
      </Group>
      {draft !== undefined ? (
        <Stack gap="xs">
          <Textarea
            aria-label="Note in Markdown"
            description="Markdown"
            autosize
            minRows={4}
            maxRows={20}
            value={draft}
            onChange={(event) => setDraft(event.currentTarget.value)}
          />
          {change.error && <Failure title="The note was not saved" error={change.error} />}
          <Group justify="flex-end">
            <Button size="xs" variant="default" onClick={() => setDraft(undefined)}>
              Cancel
            </Button>
            <Button size="xs" loading={change.isPending} onClick={() => save(draft)}>
              Save
            </Button>
          </Group>
        </Stack>
      ) : (
        text && (
          <Paper withBorder p="sm">
            <Suspense fallback={<Loader size="sm" aria-label="Loading the note" />}>
              <Markdown text={text} />
            </Suspense>
          </Paper>
        )
      )}
    </section>
  );
}
