import { parse } from 'papaparse';

interface Asked {
  /** What stands between values; empty to find out. */
  delimiter: string;
  /** Whether the text is all of the file; otherwise its last row may be cut. */
  isWhole: boolean;
  /** Rows that are wanted at most, without the first one, which names the columns. */
  most: number;
}

/** The first rows of a text with a row on each line. */
export function rowsOfText(text: string, { delimiter, isWhole, most }: Asked) {
  // One more than wanted tells whether there are more, and may be the one that is cut.
  const { data } = parse<string[]>(text, { delimiter, preview: most + 2, skipEmptyLines: true });
  const isCut = !isWhole && data.length < most + 2;
  const [columns = [], ...rows] = isCut ? data.slice(0, -1) : data;
  return { columns, rows: rows.slice(0, most), hasMore: !isWhole || rows.length > most };
}
