/** Spans as a tree in time. */

import type { Span } from '../api/types';

/** MLflow's own attributes begin with this. */
const RESERVED = 'mlflow.';
const NS_PER_MS = 1_000_000;

/** A span in its place of the waterfall. */
export interface Bar {
  span: Span;
  /** How many spans are around it. */
  depth: number;
  /** Milliseconds since the first span began. */
  start: number;
  /** In milliseconds; 0 for a span that has not ended. */
  duration: number;
  isError: boolean;
}

/** All spans, each below the one that it is part of, siblings in the order of their start. */
export function waterfall(spans: readonly Span[]): Bar[] {
  const ids = new Set(spans.map((span) => span.span_id));
  const children = new Map<string | undefined, Span[]>();
  for (const span of spans) {
    const parent = span.parent_span_id && ids.has(span.parent_span_id) ? span.parent_span_id : undefined;
    children.set(parent, [...(children.get(parent) ?? []), span]);
  }
  const begin = Math.min(...spans.map(startOf));
  const bars: Bar[] = [];
  const seen = new Set<string>();
  const add = (span: Span, depth: number) => {
    // Spans that are in each other would go on for ever.
    if (seen.has(span.span_id)) return;
    seen.add(span.span_id);
    const start = startOf(span);
    const end = span.end_time_unix_nano ? Number(span.end_time_unix_nano) / NS_PER_MS : start;
    const isError = span.status?.code?.endsWith('ERROR') ?? false;
    bars.push({ span, depth, start: start - begin, duration: Math.max(0, end - start), isError });
    for (const child of sorted(children.get(span.span_id))) add(child, depth + 1);
  };
  for (const root of sorted(children.get(undefined))) add(root, 0);
  return bars;
}

function startOf(span: Span): number {
  return Number(span.start_time_unix_nano) / NS_PER_MS;
}

function sorted(spans: readonly Span[] = []): Span[] {
  return spans.toSorted((a, b) => startOf(a) - startOf(b));
}

/** What went into a span and came out, its type, and all other attributes; as a person reads JSON. */
export function detailsOf({ attributes = {} }: Span) {
  const own = Object.entries(attributes).filter(([key]) => !key.startsWith(RESERVED));
  return {
    type: readable(attributes['mlflow.spanType']),
    inputs: readable(attributes['mlflow.spanInputs']),
    outputs: readable(attributes['mlflow.spanOutputs']),
    attributes: own.map(([key, value]) => ({ key, value: readable(value) ?? '' })),
  };
}

function readable(value: unknown): string | undefined {
  if (value === undefined || value === null) return undefined;
  const read = typeof value === 'string' ? parsed(value) : value;
  return typeof read === 'string' ? read : JSON.stringify(read, null, 2);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}

/** Milliseconds of a duration such as `1.250s`. */
export function milliseconds(duration: string | undefined): number | undefined {
  const seconds = Number.parseFloat(duration ?? '');
  return Number.isNaN(seconds) ? undefined : seconds * 1000;
}
