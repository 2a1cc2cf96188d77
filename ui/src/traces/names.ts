import type { TraceInfo } from '../api/types';

/** The tag in which MLflow keeps the name of a trace. */
const NAME = 'mlflow.traceName';

/** The name of a trace; its id, where it has none. */
export function traceNameOf({ tags, trace_id }: TraceInfo): string {
  return tags?.[NAME] ?? trace_id;
}
