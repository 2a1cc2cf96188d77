import type { Experiment } from '../api/types';
import { ConfirmModal } from '../shell/ConfirmModal';
import { useExperimentChange } from './queries';

/** Asks before an experiment is deleted, or a deleted one comes back. */
export function RemoveExperiment({ experiment, onClose }: { experiment: Experiment; onClose: () => void }) {
  const isDeleted = experiment.lifecycle_stage === 'deleted';
  const change = useExperimentChange(isDeleted ? 'restore' : 'delete');
  return (
    <ConfirmModal
      opened
      title={`${isDeleted ? 'Restore' : 'Delete'} ${experiment.name}?`}
      verb={isDeleted ? 'Restore' : 'Delete'}
      isPending={change.isPending}
      error={change.error}
      onClose={onClose}
      onConfirm={() => change.mutate({ experiment_id: experiment.experiment_id }, { onSuccess: onClose })}
    >
      {isDeleted
        ? 'The experiment and its runs are shown again.'
        : 'The experiment and its runs are hidden, and can be restored until they are removed for good.'}
    </ConfirmModal>
  );
}
