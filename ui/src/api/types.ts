/** MLflow's messages, as JSON: unset fields and empty lists are left out. Times are milliseconds since 1970. */

/** A double; JSON has no numbers for three of them. */
export type Double = number | 'NaN' | 'Infinity' | '-Infinity';

export interface KeyValue {
  key: string;
  value: string;
}

export interface Experiment {
  experiment_id: string;
  name: string;
  artifact_location?: string;
  lifecycle_stage: LifecycleStage;
  creation_time?: number;
  last_update_time?: number;
  tags?: KeyValue[];
}

export type LifecycleStage = 'active' | 'deleted';
export type ViewType = 'ACTIVE_ONLY' | 'DELETED_ONLY' | 'ALL';
export type RunStatus = 'RUNNING' | 'SCHEDULED' | 'FINISHED' | 'FAILED' | 'KILLED';

export interface Run {
  info: RunInfo;
  data?: RunData;
  inputs?: RunInputs;
  outputs?: { model_outputs?: { model_id: string; step?: number }[] };
}

export interface RunInfo {
  run_id: string;
  run_name?: string;
  experiment_id: string;
  user_id?: string;
  status?: RunStatus;
  start_time?: number;
  end_time?: number;
  artifact_uri?: string;
  lifecycle_stage?: LifecycleStage;
}

export interface RunData {
  metrics?: Metric[];
  params?: KeyValue[];
  tags?: KeyValue[];
}

export interface Metric {
  key: string;
  value: Double;
  timestamp: number;
  step?: number;
}

export interface MetricWithRunId extends Metric {
  run_id: string;
}

export interface RunInputs {
  dataset_inputs?: { tags?: KeyValue[]; dataset?: Dataset }[];
  model_inputs?: { model_id: string }[];
}

export interface Dataset {
  name: string;
  digest: string;
  source_type?: string;
  source?: string;
  schema?: string;
  profile?: string;
}

export interface RegisteredModel {
  name: string;
  creation_timestamp?: number;
  last_updated_timestamp?: number;
  user_id?: string;
  description?: string;
  latest_versions?: ModelVersion[];
  tags?: KeyValue[];
  aliases?: { alias: string; version: string }[];
}

export interface ModelVersion {
  name: string;
  version: string;
  creation_timestamp?: number;
  last_updated_timestamp?: number;
  user_id?: string;
  current_stage?: string;
  description?: string;
  source?: string;
  run_id?: string;
  status?: 'PENDING_REGISTRATION' | 'FAILED_REGISTRATION' | 'READY';
  status_message?: string;
  tags?: KeyValue[];
  aliases?: string[];
}

/** What is known of a trace, without its spans. */
export interface TraceInfo {
  trace_id: string;
  /** In ISO 8601. */
  request_time?: string;
  /** In seconds, such as `1.250s`. */
  execution_duration?: string;
  state?: 'STATE_UNSPECIFIED' | 'OK' | 'ERROR' | 'IN_PROGRESS';
  request_preview?: string;
  response_preview?: string;
  trace_location?: { mlflow_experiment?: { experiment_id: string } };
  trace_metadata?: Record<string, string>;
  tags?: Record<string, string>;
  assessments?: Assessment[];
}

export interface Assessment {
  assessment_id: string;
  assessment_name: string;
  source?: { source_type: string; source_id: string };
  feedback?: { value?: unknown; error?: { error_message?: string } };
  expectation?: { value?: unknown; serialized_value?: { value: string } };
  rationale?: string;
}

/** A span as it is kept. Each attribute is JSON in a text. */
export interface Span {
  span_id: string;
  parent_span_id?: string | null;
  name: string;
  start_time_unix_nano: number | string;
  end_time_unix_nano?: number | string | null;
  status?: { code?: string; message?: string };
  attributes?: Record<string, unknown>;
  events?: { name: string; attributes?: Record<string, unknown> }[];
}
