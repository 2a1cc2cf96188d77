/** Reads `MLmodel`, the YAML file in which MLflow describes a model. All of it may be missing, or something else. */

import { parse } from 'yaml';
import { cellText } from './cellText';

/** A column or a tensor that a model takes or gives. */
export interface Field {
  name: string;
  type: string;
  /** "optional", or the value that holds when none is given. */
  note: string;
}

export interface Model {
  /** What is said of the model, with what it is. */
  facts: [string, string][];
  inputs: Field[];
  outputs: Field[];
  params: Field[];
}

type Mapping = Record<string, unknown>;

const FACTS: [string, string][] = [
  ['model_id', 'Model id'],
  ['run_id', 'Run id'],
  ['utc_time_created', 'Created (UTC)'],
  ['mlflow_version', 'MLflow'],
  ['model_size_bytes', 'Bytes'],
];

/** The description in a text; none where it holds none. */
export function modelOf(text: string): Model | undefined {
  const model = mapping(parsed(text, parse));
  if (!model) return undefined;
  const flavors = Object.entries(mapping(model.flavors) ?? {}).map(([name, flavor]) => {
    const version = mapping(flavor)?.[`${name}_version`];
    return typeof version === 'string' ? `${name} ${version}` : name;
  });
  const facts = FACTS.flatMap(([key, title]): [string, string][] =>
    model[key] === undefined ? [] : [[title, cellText(model[key])]],
  );
  const signature = mapping(model.signature) ?? {};
  return {
    facts: flavors.length > 0 ? [['Flavors', flavors.join(', ')], ...facts] : facts,
    inputs: fieldsOf(signature.inputs),
    outputs: fieldsOf(signature.outputs),
    params: fieldsOf(signature.params),
  };
}

/** A schema is a text in JSON: a list of fields. */
function fieldsOf(schema: unknown): Field[] {
  const list = typeof schema === 'string' ? parsed(schema, JSON.parse) : schema;
  if (!Array.isArray(list)) return [];
  return list.flatMap((one: unknown): Field[] => {
    const field = mapping(one);
    if (!field) return [];
    const tensor = mapping(field['tensor-spec']);
    const type = tensor ? `${cellText(tensor.dtype)} ${cellText(tensor.shape)}` : cellText(field.type);
    const isOptional = field.required === false || field.optional === true;
    const note = 'default' in field ? `default: ${cellText(field.default)}` : isOptional ? 'optional' : '';
    return [{ name: cellText(field.name), type, note }];
  });
}

function mapping(value: unknown): Mapping | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Mapping) : undefined;
}

function parsed(text: string, parser: (text: string) => unknown): unknown {
  try {
    return parser(text);
  } catch {
    return undefined;
  }
}
