import { Text } from '@mantine/core';
import { endingOf } from '../kinds';
import { nameOf } from '../paths';
import { DataGrid } from './DataGrid';
import { rowsOfText } from './rowsOfText';
import { OfText, type PreviewProps } from './shared';

/** Bytes that are read for the first rows. */
const MOST_BYTES = 256 * 1024;
const MOST_ROWS = 200;

/** The first rows of CSV, or of values between tabs. */
export default function TablePreview(file: PreviewProps) {
  return (
    <OfText {...file} most={MOST_BYTES}>
      {(text, isWhole) => {
        const delimiter = endingOf(file.path) === 'tsv' ? '\t' : '';
        const { columns, rows, hasMore } = rowsOfText(text, { delimiter, isWhole, most: MOST_ROWS });
        return (
          <>
            <DataGrid label={nameOf(file.path)} columns={columns} rows={rows} />
            <Text size="sm" c="dimmed" role="status">
              {hasMore ? `The first ${rows.length} rows` : rows.length === 1 ? '1 row' : `${rows.length} rows`}
            </Text>
          </>
        );
      }}
    </OfText>
  );
}
