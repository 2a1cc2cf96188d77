import { expect, test } from 'vitest';
import type { Span } from '../api/types';
import { detailsOf, milliseconds, waterfall } from './spans';

function span(span_id: string, parent_span_id: string | null, start: number, end: number | null, rest?: object): Span {
  const nanoseconds = (ms: number) => ms * 1_000_000;
  return {
    span_id,
    parent_span_id,
    name: span_id,
    start_time_unix_nano: nanoseconds(start),
    end_time_unix_nano: end === null ? null : String(nanoseconds(end)),
    ...rest,
  };
}

test('spans stand below what they are part of, in the order of their start', () => {
  const spans = [span('late', 'root', 130, 150), span('inner', 'early', 112, 115), span('root', null, 100, 200)];
  const bars = waterfall([...spans, span('early', 'root', 110, 120, { status: { code: 'STATUS_CODE_ERROR' } })]);
  expect(bars.map(({ span, depth, start, duration }) => [span.name, depth, start, duration])).toEqual([
    ['root', 0, 0, 100],
    ['early', 1, 10, 10],
    ['inner', 2, 12, 3],
    ['late', 1, 30, 20],
  ]);
  expect(bars.map((bar) => bar.isError)).toEqual([false, true, false, false]);
});

test('spans whose parent is missing are roots, and those that go on have no duration', () => {
  expect(waterfall([span('lost', 'gone', 5, null)])).toMatchObject([{ depth: 0, start: 0, duration: 0 }]);
  expect(waterfall([])).toEqual([]);
});

test('attributes are read out of their JSON', () => {
  const attributes = {
    'mlflow.spanType': '"TOOL"',
    'mlflow.spanInputs': '{"x":1}',
    'mlflow.spanOutputs': '"three"',
    'mlflow.traceRequestId': '"tr-1"',
    model: 'no JSON',
  };
  expect(detailsOf(span('a', null, 0, 1, { attributes }))).toEqual({
    type: 'TOOL',
    inputs: '{\n  "x": 1\n}',
    outputs: 'three',
    attributes: [{ key: 'model', value: 'no JSON' }],
  });
});

test('durations are read', () => {
  expect(milliseconds('1.250s')).toBe(1250);
  expect(milliseconds(undefined)).toBeUndefined();
});
