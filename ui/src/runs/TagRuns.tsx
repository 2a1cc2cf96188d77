import { TextInput } from '@mantine/core';
import { useState } from 'react';
import { Failure } from '../shell/Failure';
import { FormModal } from '../shell/FormModal';
import { failureOf } from './bulk';
import { countOfRuns } from './columns';
import { useRunsChange } from './queries';

/** Sets one tag on many runs. */
export function TagRuns({ ids, onClose }: { ids: readonly string[]; onClose: () => void }) {
  const [key, setKey] = useState('');
  const [value, setValue] = useState('');
  const change = useRunsChange();
  const error = change.error ?? failureOf(change.data, ids.length);
  const submit = () => {
    const asked = { ids, change: { name: 'set-tag', key: key.trim(), value } } as const;
    change.mutate(asked, { onSuccess: ({ failed }) => failed.length === 0 && onClose() });
  };
  return (
    <FormModal
      title={`Tag ${countOfRuns(ids.length)}`}
      verb="Set tag"
      isPending={change.isPending}
      onSubmit={submit}
      onClose={onClose}
    >
      <TextInput
        label="Key"
        description="A tag of this key that a run has already gets the new value."
        value={key}
        required
        data-autofocus
        onChange={(event) => setKey(event.currentTarget.value)}
      />
      <TextInput label="Value" value={value} onChange={(event) => setValue(event.currentTarget.value)} />
      {error && <Failure title="Not all runs were tagged" error={error} />}
    </FormModal>
  );
}
