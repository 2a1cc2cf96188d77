import { ConfirmModal } from '../shell/ConfirmModal';
import { failureOf } from './bulk';
import { countOfRuns } from './columns';
import { useRunsChange } from './queries';

interface Props {
  ids: readonly string[];
  /** Whether they are deleted already, and come back. */
  isDeleted: boolean;
  /** After it was done to all of them. */
  onDone: () => void;
  onClose: () => void;
}

/** Asks before runs are deleted, or deleted ones come back. */
export function RemoveRuns({ ids, isDeleted, onDone, onClose }: Props) {
  const change = useRunsChange();
  const name = isDeleted ? 'restore' : 'delete';
  const runs = countOfRuns(ids.length);
  const confirm = () => {
    change.mutate(
      { ids, change: { name } },
      {
        onSuccess: (outcome) => {
          if (outcome.failed.length > 0) return;
          onClose();
          onDone();
        },
      },
    );
  };
  return (
    <ConfirmModal
      opened
      title={`${isDeleted ? 'Restore' : 'Delete'} ${runs}?`}
      verb={isDeleted ? 'Restore' : 'Delete'}
      isPending={change.isPending}
      error={change.error ?? failureOf(change.data, ids.length)}
      onConfirm={confirm}
      onClose={onClose}
    >
      {isDeleted
        ? 'They are shown again among the active runs.'
        : 'They are hidden, and can be restored until they are removed for good.'}
    </ConfirmModal>
  );
}
