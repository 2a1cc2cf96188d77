import { ActionIcon, Button, Group, Progress, Stack, Text } from '@mantine/core';
import { Cross2Icon } from '@radix-ui/react-icons';
import { messageOf } from '../api/client';
import classes from './ArtifactBrowser.module.css';
import { sizeText } from './sizes';
import type { Upload } from './uploadQueue';

/** Uploads that are shown one by one; of more, those that want something come first. */
const MOST_SHOWN = 20;
const RANKS: Record<Upload['state'], number> = { exists: 0, failed: 1, sending: 2, waiting: 3, done: 4 };

interface Props {
  uploads: readonly Upload[];
  again: (upload: Upload) => void;
  cancel: (upload: Upload) => void;
  clear: () => void;
}

/** What is being uploaded, and what became of it. */
export function UploadList({ uploads, again, cancel, clear }: Props) {
  if (uploads.length === 0) return null;
  const done = uploads.filter(({ state }) => state === 'done').length;
  const shown = uploads.toSorted((a, b) => RANKS[a.state] - RANKS[b.state]).slice(0, MOST_SHOWN);
  return (
    <Stack gap={6} component="section" aria-label="Uploads" mah={260} style={{ overflow: 'auto' }}>
      <Group justify="space-between">
        <Text size="sm" role="status">
          {done} of {uploads.length} uploaded
        </Text>
        {done > 0 && (
          <Button size="compact-xs" variant="default" onClick={clear}>
            Clear
          </Button>
        )}
      </Group>
      {shown.map((upload) => (
        <Line key={upload.id} upload={upload} onAgain={() => again(upload)} onCancel={() => cancel(upload)} />
      ))}
    </Stack>
  );
}

function Line({ upload, onAgain, onCancel }: { upload: Upload; onAgain: () => void; onCancel: () => void }) {
  const { path, file, state, sent } = upload;
  return (
    <div>
      <Group gap="xs" wrap="nowrap" justify="space-between">
        <Text size="xs" className={classes.title}>
          {path}
        </Text>
        <Group gap={4} wrap="nowrap">
          {(state === 'exists' || state === 'failed') && (
            <Button size="compact-xs" variant="default" onClick={onAgain}>
              {state === 'exists' ? 'Replace' : 'Try again'}
            </Button>
          )}
          {state !== 'done' && (
            <ActionIcon size="xs" variant="subtle" aria-label={`Leave out ${path}`} onClick={onCancel}>
              <Cross2Icon aria-hidden />
            </ActionIcon>
          )}
        </Group>
      </Group>
      {state === 'sending' && (
        <Progress value={file.size ? (100 * sent) / file.size : 100} size="sm" aria-label={`Upload of ${path}`} />
      )}
      <Text size="xs" c={state === 'failed' ? 'red' : 'dimmed'}>
        {remark(upload)}
      </Text>
    </div>
  );
}

function remark({ state, file, sent, error }: Upload): string {
  switch (state) {
    case 'waiting':
      return `Waiting, ${sizeText(file.size)}`;
    case 'sending':
      return `${sizeText(sent)} of ${sizeText(file.size)}`;
    case 'done':
      return `Uploaded, ${sizeText(file.size)}`;
    case 'exists':
      return 'A file of this name is there already.';
    case 'failed':
      return messageOf(error);
  }
}
