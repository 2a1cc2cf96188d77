import prettyBytes from 'pretty-bytes';

/** "1.5 MiB". */
export function sizeText(bytes: number): string {
  return prettyBytes(bytes, { binary: true, maximumFractionDigits: 1 });
}
