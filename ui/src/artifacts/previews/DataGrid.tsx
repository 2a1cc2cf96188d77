import { Table, Text } from '@mantine/core';
import classes from './previews.module.css';

/** Columns that are shown at most: each cell is an element of the document. */
const MOST_COLUMNS = 100;

interface Props {
  label: string;
  columns: readonly string[];
  /** What stands under a column's name, such as its type. */
  types?: readonly string[];
  rows: readonly (readonly string[])[];
}

/** Rows of a file, as they are written there. */
export function DataGrid({ label, columns, types, rows }: Props) {
  const shown = columns.slice(0, MOST_COLUMNS);
  return (
    <>
      {/* What scrolls can be reached by keys. */}
      {/* eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex */}
      <div className={classes.grid} tabIndex={0} role="group" aria-label={label}>
        <Table striped withColumnBorders stickyHeader fz="xs">
          <Table.Thead>
            <Table.Tr>
              {shown.map((column, index) => (
                <Table.Th key={index} scope="col">
                  <span className={classes.cell} title={column}>
                    {column}
                  </span>
                  {types && (
                    <Text size="xs" c="dimmed">
                      {types[index]}
                    </Text>
                  )}
                </Table.Th>
              ))}
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {rows.map((row, index) => (
              <Table.Tr key={index}>
                {shown.map((_, column) => (
                  <Table.Td key={column}>
                    <span className={classes.cell} title={row[column]}>
                      {row[column]}
                    </span>
                  </Table.Td>
                ))}
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </div>
      <Text size="sm" c="dimmed">
        {columns.length > MOST_COLUMNS && `The first ${MOST_COLUMNS} of ${columns.length} columns are shown.`}
      </Text>
    </>
  );
}
