import { Button, CopyButton, Code, Group, Modal, NativeSelect, Stack, Text, TextInput } from '@mantine/core';
import { useState } from 'react';
import { messageOf } from '../api/client';
import { FormModal } from '../shell/FormModal';
import { SCOPES, useNewToken, type Scope } from './queries';

const TITLE = 'New token';
const DAY_SECONDS = 24 * 3600;
/** How long a token may last, in days; nothing stands for no end. */
const LIFETIMES = [
  { value: '30', label: '30 days' },
  { value: '90', label: '90 days' },
  { value: '365', label: 'A year' },
  { value: '', label: 'No end' },
];
const GOOD_FOR: Record<Scope, string> = {
  READ: 'Read: to see',
  WRITE: 'Write: to see, change and delete',
  ARTIFACTS: 'Artifacts: to download, upload and delete files',
};

/** Asks what a new token is to be, and shows its secret, once. */
export function NewToken({ onClose }: { onClose: () => void }) {
  const [name, setName] = useState('');
  const [scope, setScope] = useState<Scope>('READ');
  const [days, setDays] = useState('90');
  const [experiments, setExperiments] = useState('');
  const creation = useNewToken();
  const submit = () => {
    const ids = experiments.split(/[\s,]+/).filter((id) => id !== '');
    creation.mutate({
      name: name.trim(),
      scope,
      experiment_ids: ids.length > 0 ? ids : undefined,
      lifetime_seconds: days ? Number(days) * DAY_SECONDS : undefined,
    });
  };
  if (creation.data) return <Secret secret={creation.data.secret} onClose={onClose} />;
  return (
    <FormModal title={TITLE} verb="Create" isPending={creation.isPending} onSubmit={submit} onClose={onClose}>
      <TextInput
        label="What it is for"
        value={name}
        required
        data-autofocus
        error={creation.error ? messageOf(creation.error) : undefined}
        onChange={(event) => setName(event.currentTarget.value)}
      />
      <NativeSelect
        label="What it is good for"
        value={scope}
        data={SCOPES.map((value) => ({ value, label: GOOD_FOR[value] }))}
        onChange={(event) => setScope(SCOPES.find((one) => one === event.currentTarget.value) ?? 'READ')}
      />
      <TextInput
        label="Only for these experiments"
        description="Their ids. Left empty, it is good for whatever you may do."
        value={experiments}
        onChange={(event) => setExperiments(event.currentTarget.value)}
      />
      <NativeSelect
        label="How long it lasts"
        value={days}
        data={LIFETIMES}
        onChange={(event) => setDays(event.currentTarget.value)}
      />
    </FormModal>
  );
}

function Secret({ secret, onClose }: { secret: string; onClose: () => void }) {
  return (
    <Modal opened onClose={onClose} title={TITLE} closeButtonProps={{ 'aria-label': 'Close' }}>
      <Stack gap="md">
        <Text size="sm">Copy it now: it is not shown again. A program that has it signs in as you.</Text>
        <Code block tabIndex={0} aria-label="The token">{`export MLFLOW_TRACKING_TOKEN=${secret}`}</Code>
        <Group justify="flex-end">
          <CopyButton value={secret}>
            {({ copied, copy }) => (
              <Button variant="default" onClick={copy}>
                {copied ? 'Copied' : 'Copy'}
              </Button>
            )}
          </CopyButton>
          <Button onClick={onClose}>Done</Button>
        </Group>
      </Stack>
    </Modal>
  );
}
