import { ActionIcon, Button, Group, Textarea, TextInput } from '@mantine/core';
import { Pencil1Icon, TrashIcon } from '@radix-ui/react-icons';
import { useState } from 'react';
import type { KeyValue, Run } from '../api/types';
import { ConfirmModal } from '../shell/ConfirmModal';
import { Failure } from '../shell/Failure';
import { FormModal } from '../shell/FormModal';
import { useTagChange } from './queries';
import { ownTags } from './values';
import { ValuesTable } from './ValuesTable';

/** The tags of a run, which can be set, changed and deleted. */
export function Tags({ run }: { run: Run }) {
  const [edited, setEdited] = useState<KeyValue>();
  const [removed, setRemoved] = useState<string>();
  const runId = run.info.run_id;
  return (
    <>
      <ValuesTable
        title="Tags"
        rows={ownTags(run)}
        action={
          <Button size="xs" variant="default" onClick={() => setEdited({ key: '', value: '' })}>
            Add tag
          </Button>
        }
        more={(tag) => (
          <Group gap={4}>
            <ActionIcon variant="subtle" aria-label={`Change ${tag.key}`} onClick={() => setEdited(tag)}>
              <Pencil1Icon aria-hidden />
            </ActionIcon>
            <ActionIcon variant="subtle" aria-label={`Delete ${tag.key}`} onClick={() => setRemoved(tag.key)}>
              <TrashIcon aria-hidden />
            </ActionIcon>
          </Group>
        )}
      />
      {edited && <EditTag runId={runId} tag={edited} onClose={() => setEdited(undefined)} />}
      {removed !== undefined && <RemoveTag runId={runId} tag={removed} onClose={() => setRemoved(undefined)} />}
    </>
  );
}

function EditTag({ runId, tag, onClose }: { runId: string; tag: KeyValue; onClose: () => void }) {
  const [key, setKey] = useState(tag.key);
  const [value, setValue] = useState(tag.value);
  const change = useTagChange(runId);
  const isNew = tag.key === '';
  return (
    <FormModal
      title={isNew ? 'Add a tag' : `Change ${tag.key}`}
      verb="Set tag"
      isPending={change.isPending}
      onSubmit={() => change.mutate({ key: key.trim(), value }, { onSuccess: onClose })}
      onClose={onClose}
    >
      {isNew && (
        <TextInput
          label="Key"
          required
          value={key}
          data-autofocus
          onChange={(event) => setKey(event.currentTarget.value)}
        />
      )}
      <Textarea
        label="Value"
        autosize
        maxRows={10}
        value={value}
        data-autofocus={!isNew || undefined}
        onChange={(event) => setValue(event.currentTarget.value)}
      />
      {change.error && <Failure title="The tag was not set" error={change.error} />}
    </FormModal>
  );
}

function RemoveTag({ runId, tag, onClose }: { runId: string; tag: string; onClose: () => void }) {
  const change = useTagChange(runId);
  return (
    <ConfirmModal
      opened
      title="Delete the tag?"
      verb="Delete"
      isPending={change.isPending}
      error={change.error}
      onConfirm={() => change.mutate({ key: tag }, { onSuccess: onClose })}
      onClose={onClose}
    >
      The tag {tag} is deleted for good.
    </ConfirmModal>
  );
}
