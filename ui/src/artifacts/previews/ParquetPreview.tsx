import { Loader, Stack, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { asyncBufferFromUrl, parquetMetadataAsync, parquetReadObjects, parquetSchema } from 'hyparquet';
import { compressors } from './compressors';
import { Failure } from '../../shell/Failure';
import { fileUrl, nameOf } from '../paths';
import { DataGrid } from './DataGrid';
import { cellText } from './cellText';
import type { PreviewProps } from './shared';

const MOST_ROWS = 100;
/** Bytes at the end of a file that are read first: most descriptions of tables fit in. */
const FOOTER_BYTES = 64 * 1024;

/** The first rows of a Parquet file, of which only the pieces are read that hold them. */
export default function ParquetPreview(file: PreviewProps) {
  const { runId, path, size } = file;
  const { data, error, refetch } = useQuery({
    queryKey: ['artifact-parquet', runId, path, size],
    queryFn: () => firstRows(file),
    retry: false,
    gcTime: 60_000,
  });
  if (error) return <Failure title="The file can't be read as Parquet" error={error} onRepeat={() => void refetch()} />;
  if (!data) return <Loader aria-label="Reading the file" />;
  return (
    <Stack gap="xs">
      <Text size="sm" c="dimmed" role="status">
        {`${data.count} rows, ${data.columns.length} columns${data.count > data.rows.length ? `; the first ${data.rows.length} rows:` : ''}`}
      </Text>
      <DataGrid label={nameOf(path)} columns={data.columns} types={data.types} rows={data.rows} />
    </Stack>
  );
}

async function firstRows({ runId, path, size }: PreviewProps) {
  const file = await asyncBufferFromUrl({ url: fileUrl(runId, path), byteLength: size });
  const metadata = await parquetMetadataAsync(file, { initialFetchSize: FOOTER_BYTES });
  const fields = parquetSchema(metadata).children.map(({ element }) => element);
  const columns = fields.map(({ name }) => name);
  const read = await parquetReadObjects({ file, metadata, compressors, rowStart: 0, rowEnd: MOST_ROWS });
  return {
    // A table of more rows than JavaScript counts exactly would not fit any store.
    count: Number(metadata.num_rows),
    columns,
    types: fields.map(
      ({ logical_type, converted_type, type }) => logical_type?.type ?? converted_type ?? type ?? 'GROUP',
    ),
    rows: read.map((row) => columns.map((column) => cellText(row[column]))),
  };
}
