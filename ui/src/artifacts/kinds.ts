/** What can be shown of a file, by its name. What it really holds is seen when it is read. */

import { nameOf } from './paths';

export const KINDS = [
  'text',
  'markdown',
  'json',
  'image',
  'audio',
  'video',
  'pdf',
  'table',
  'parquet',
  'notebook',
  'mlmodel',
  'page',
] as const;
/** `page` is HTML or SVG, which could run scripts; `table` is text with a row on each line. */
export type Kind = (typeof KINDS)[number];

const ENDINGS: Partial<Record<Kind, string>> = {
  markdown: 'md markdown',
  json: 'json geojson',
  image: 'png jpg jpeg gif webp avif bmp ico',
  audio: 'mp3 wav ogg oga opus flac m4a aac',
  video: 'mp4 m4v webm ogv mov',
  pdf: 'pdf',
  table: 'csv tsv',
  parquet: 'parquet',
  notebook: 'ipynb',
  page: 'html htm xhtml svg',
};
const BY_ENDING = new Map(
  Object.entries(ENDINGS).flatMap(([kind, endings]) => endings.split(' ').map((ending) => [ending, kind as Kind])),
);

/** The part of a name behind its last dot, in small letters. */
export function endingOf(path: string): string {
  const name = nameOf(path);
  const dot = name.lastIndexOf('.');
  return dot > 0 ? name.slice(dot + 1).toLowerCase() : '';
}

/** How to show a file. All that is not known by its name may be text. */
export function kindOf(path: string): Kind {
  if (nameOf(path) === 'MLmodel') return 'mlmodel';
  return BY_ENDING.get(endingOf(path)) ?? 'text';
}

/** Names of languages for highlighting, where the ending is not one. */
const LANGUAGES: Record<string, string> = {
  MLmodel: 'yaml',
  MLproject: 'yaml',
  Dockerfile: 'bash',
  toml: 'ini',
  cfg: 'ini',
  conf: 'ini',
  properties: 'ini',
  ipynb: 'json',
  jsonl: 'json',
  htm: 'xml',
  html: 'xml',
  svg: 'xml',
  hpp: 'cpp',
  h: 'c',
};

/** What a file is written in, as a highlighter calls it, if it knows it. */
export function languageOf(path: string): string {
  const ending = endingOf(path);
  return LANGUAGES[ending] ?? LANGUAGES[nameOf(path)] ?? ending;
}
