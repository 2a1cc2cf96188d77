import { Stack, Table, Title } from '@mantine/core';
import { nameOf } from '../paths';
import { Code } from './Code';
import { modelOf, type Field } from './mlmodel';
import { Nothing, OfText, type PreviewProps } from './shared';

/** Bytes of a description that are read at most. */
const MOST_BYTES = 1024 * 1024;

/** What a logged model says of itself: how it can be loaded, and what it takes and gives. */
export default function MlmodelPreview(file: PreviewProps) {
  return (
    <OfText {...file} most={MOST_BYTES}>
      {(text) => (
        <Stack gap="sm">
          <Model text={text} />
          <Code text={text} language="yaml" label={nameOf(file.path)} />
        </Stack>
      )}
    </OfText>
  );
}

function Model({ text }: { text: string }) {
  const model = modelOf(text);
  if (!model) return <Nothing>This is no description of a model that could be read.</Nothing>;
  return (
    <>
      <Table aria-label="Model" data={{ body: model.facts }} withRowBorders={false} />
      <Signature title="Inputs" fields={model.inputs} />
      <Signature title="Outputs" fields={model.outputs} />
      <Signature title="Params" fields={model.params} />
    </>
  );
}

function Signature({ title, fields }: { title: string; fields: readonly Field[] }) {
  if (fields.length === 0) return null;
  return (
    <section aria-label={title}>
      <Title order={3} size="sm">
        {title}
      </Title>
      <Table
        aria-label={title}
        data={{ head: ['Name', 'Type', ''], body: fields.map(({ name, type, note }) => [name, type, note]) }}
      />
    </section>
  );
}
