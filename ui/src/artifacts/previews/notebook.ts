/** Reads Jupyter's notebooks. All of one may be missing, or something else. */

import stripAnsi from 'strip-ansi';

export interface Notebook {
  /** What its code is written in, as a highlighter calls it. */
  language: string;
  cells: Cell[];
}

export interface Cell {
  kind: 'code' | 'markdown' | 'raw';
  source: string;
  outputs: Output[];
}

export type Output = { kind: 'text'; text: string } | { kind: 'image'; url: string } | { kind: 'page'; html: string };

type Mapping = Record<string, unknown>;

/** Kinds of pictures that come as base64. */
const IMAGES = ['image/png', 'image/jpeg', 'image/gif', 'image/webp'];
/** What base64 is made of, with its line breaks; nothing else gets into a URL. */
const BASE64 = /^[A-Za-z0-9+/=\s]*$/;

/** The notebook in a text; none where it holds none. */
export function notebookOf(text: string): Notebook | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  const notebook = mapping(value);
  if (!Array.isArray(notebook.cells)) return undefined;
  const language = mapping(mapping(notebook.metadata).language_info).name;
  return { language: typeof language === 'string' ? language : 'python', cells: notebook.cells.map(cellOf) };
}

function cellOf(value: unknown): Cell {
  const cell = mapping(value);
  const kind = cell.cell_type === 'markdown' || cell.cell_type === 'raw' ? cell.cell_type : 'code';
  const outputs = Array.isArray(cell.outputs) ? cell.outputs.flatMap(outputOf) : [];
  return { kind, source: textOf(cell.source), outputs };
}

/** The richest form of an output that can be shown. */
function outputOf(value: unknown): Output[] {
  const output = mapping(value);
  if (output.output_type === 'stream') return plain(textOf(output.text));
  if (output.output_type === 'error') {
    const told = Array.isArray(output.traceback) ? output.traceback.map(textOf).join('\n') : '';
    return plain(told || `${textOf(output.ename)}: ${textOf(output.evalue)}`);
  }
  const data = mapping(output.data);
  for (const type of IMAGES) {
    const encoded = textOf(data[type]);
    if (encoded && BASE64.test(encoded))
      return [{ kind: 'image', url: `data:${type};base64,${encoded.replace(/\s/g, '')}` }];
  }
  const html = textOf(data['text/html']) || textOf(data['image/svg+xml']);
  if (html) return [{ kind: 'page', html }];
  return plain(textOf(data['text/plain']));
}

function plain(text: string): Output[] {
  return text ? [{ kind: 'text', text: stripAnsi(text) }] : [];
}

/** A text, which may be cut into lines. */
function textOf(value: unknown): string {
  if (Array.isArray(value)) return value.filter((line) => typeof line === 'string').join('');
  return typeof value === 'string' ? value : '';
}

function mapping(value: unknown): Mapping {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Mapping) : {};
}
