import { Button, Group, Modal, Stack, TextInput } from '@mantine/core';
import { useState } from 'react';
import { messageOf } from '../api/client';
import type { Experiment } from '../api/types';
import { useExperimentChange } from './queries';

/** Asks for the name of a new experiment, or for another one of an old. */
export function EditExperiment({ experiment, onClose }: { experiment?: Experiment; onClose: () => void }) {
  const [name, setName] = useState(experiment?.name ?? '');
  const [location, setLocation] = useState('');
  const change = useExperimentChange(experiment ? 'update' : 'create');
  const submit = () => {
    const created = { name: name.trim(), artifact_location: location.trim() || undefined };
    const renamed = { experiment_id: experiment?.experiment_id, new_name: name.trim() };
    change.mutate(experiment ? renamed : created, { onSuccess: onClose });
  };
  return (
    <Modal
      opened
      onClose={onClose}
      title={experiment ? `Rename ${experiment.name}` : 'New experiment'}
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      <form
        onSubmit={(event) => {
          event.preventDefault();
          submit();
        }}
      >
        <Stack gap="md">
          <TextInput
            label="Name"
            value={name}
            required
            data-autofocus
            error={change.error ? messageOf(change.error) : undefined}
            onChange={(event) => setName(event.currentTarget.value)}
          />
          {!experiment && (
            <TextInput
              label="Where its artifacts go"
              description="A URI. Left empty, they go where the server keeps artifacts."
              value={location}
              onChange={(event) => setLocation(event.currentTarget.value)}
            />
          )}
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>
              Cancel
            </Button>
            <Button type="submit" loading={change.isPending}>
              {experiment ? 'Rename' : 'Create'}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
