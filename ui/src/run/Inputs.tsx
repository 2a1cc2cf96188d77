import { Code, Table, Title } from '@mantine/core';
import type { Run } from '../api/types';

/** The tag that says what a dataset was used for, such as "training". */
const CONTEXT = 'mlflow.data.context';

/** The datasets and models that went into a run, and the models that came out of it. */
export function Inputs({ run }: { run: Run }) {
  const datasets = run.inputs?.dataset_inputs ?? [];
  const models = [
    ...(run.inputs?.model_inputs ?? []).map(({ model_id }) => [model_id, 'input', '']),
    ...(run.outputs?.model_outputs ?? []).map(({ model_id, step }) => [model_id, 'output', step ?? 0]),
  ];
  return (
    <>
      {datasets.length > 0 && (
        <section aria-label="Datasets">
          <Title order={2} size="h5">
            Datasets
          </Title>
          <Table
            aria-label="Datasets"
            data={{
              head: ['Name', 'Used for', 'Digest', 'Kind', 'Source'],
              body: datasets.map(({ dataset, tags = [] }) => [
                dataset?.name,
                tags.find(({ key }) => key === CONTEXT)?.value,
                dataset?.digest,
                dataset?.source_type,
                <Code key="source" style={{ overflowWrap: 'anywhere' }}>
                  {dataset?.source}
                </Code>,
              ]),
            }}
          />
        </section>
      )}
      {models.length > 0 && (
        <section aria-label="Logged models">
          <Title order={2} size="h5">
            Logged models
          </Title>
          <Table aria-label="Logged models" data={{ head: ['Model id', 'As', 'Step'], body: models }} />
        </section>
      )}
    </>
  );
}
