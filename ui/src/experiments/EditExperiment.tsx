import { TextInput } from '@mantine/core';
import { useState } from 'react';
import { messageOf } from '../api/client';
import type { Experiment } from '../api/types';
import { FormModal } from '../shell/FormModal';
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
    <FormModal
      title={experiment ? `Rename ${experiment.name}` : 'New experiment'}
      verb={experiment ? 'Rename' : 'Create'}
      isPending={change.isPending}
      onSubmit={submit}
      onClose={onClose}
    >
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
    </FormModal>
  );
}
