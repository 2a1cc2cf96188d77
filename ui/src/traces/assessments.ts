import type { Assessment } from '../api/types';

/** The value of an assessment as a person reads it. */
export function valueOf({ feedback, expectation }: Assessment): string {
  if (feedback?.error) return feedback.error.error_message ?? 'failed';
  const value = feedback?.value ?? expectation?.value ?? expectation?.serialized_value?.value;
  if (value === undefined) return 'none';
  return typeof value === 'string' ? value : JSON.stringify(value);
}
