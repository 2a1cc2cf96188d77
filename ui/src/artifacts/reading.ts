/** Reading of files: only the bytes that are shown. */

import { fetched } from '../api/client';

/** The beginning of a file. */
export interface Beginning {
  bytes: Uint8Array<ArrayBuffer>;
  /** Bytes of the whole file. */
  size: number;
  isWhole: boolean;
}

/** The first `most` bytes of a file, which may be fewer. */
export async function readBeginning(url: string, most: number, signal?: AbortSignal): Promise<Beginning> {
  const response = await fetched(url, { headers: { Range: `bytes=0-${most - 1}` }, signal });
  const bytes = new Uint8Array(await response.arrayBuffer());
  const size = Number(response.headers.get('Content-Range')?.split('/')[1]) || bytes.length;
  return { bytes, size, isWhole: size <= bytes.length };
}

/** The text in bytes, of which the last character may be cut; none where they are no text in UTF-8. */
export function textOf({ bytes, isWhole }: Beginning): string | undefined {
  if (bytes.includes(0)) return undefined;
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes, { stream: !isWhole });
  } catch {
    return undefined;
  }
}

/** JSON on one line, indented. Numbers that JavaScript would change, and what is no JSON, stay as they are. */
export function indented(text: string): string {
  if (text.trimEnd().includes('\n') || /\d{16}/.test(text)) return text;
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}
