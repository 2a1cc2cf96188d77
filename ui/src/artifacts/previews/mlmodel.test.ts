import { expect, test } from 'vitest';
import { modelOf } from './mlmodel';

test('a description tells flavors, facts and the signature', () => {
  const model = modelOf(`
flavors:
  python_function:
    env: conda.yaml
  sklearn:
    sklearn_version: 1.7.0
mlflow_version: 3.17.2
run_id: abc
signature:
  inputs: '[{"type": "double", "name": "x", "required": true}, {"type": "long", "name": "y", "required": false}]'
  outputs: '[{"type": "tensor", "tensor-spec": {"dtype": "float32", "shape": [-1, 3]}}]'
  params: '[{"name": "top", "default": 5, "shape": null, "type": "long"}]'
`);
  expect(model).toEqual({
    facts: [
      ['Flavors', 'python_function, sklearn 1.7.0'],
      ['Run id', 'abc'],
      ['MLflow', '3.17.2'],
    ],
    inputs: [
      { name: 'x', type: 'double', note: '' },
      { name: 'y', type: 'long', note: 'optional' },
    ],
    outputs: [{ name: '', type: 'float32 [-1,3]', note: '' }],
    params: [{ name: 'top', type: 'long', note: 'default: 5' }],
  });
});

test('what is no description is none, or an empty one', () => {
  for (const text of ['', 'a', '- 1', 'a: [', '{']) expect(modelOf(text), text).toBeUndefined();
  const odd = 'flavors: 1\nsignature:\n  inputs: "{"\n  outputs: [1, null]\n  params: 7\n';
  expect(modelOf(odd)).toEqual({ facts: [], inputs: [], outputs: [], params: [] });
});
