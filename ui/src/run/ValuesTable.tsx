import { Button, Group, Table, Text, TextInput, Title } from '@mantine/core';
import { useState, type ReactNode } from 'react';
import { byName } from '../runs/columns';
import { filtered } from './values';

/** Rows that are shown until all are wanted. */
const FIRST_ROWS = 50;
/** From so many rows on, there is a filter. */
const MANY = 8;

interface Props<T> {
  title: string;
  rows: readonly T[];
  /** What is shown for a value; the value itself, where nothing else is said. */
  shown?: (row: T) => ReactNode;
  /** What stands behind the value. */
  more?: (row: T) => ReactNode;
  /** What stands beside the title. */
  action?: ReactNode;
}

/** Keys and values, with a filter where there are many. */
export function ValuesTable<T extends { key: string; value: string | number }>(props: Props<T>) {
  const { title, rows, shown = ({ value }: T) => value, more, action } = props;
  const [filter, setFilter] = useState('');
  const [isAll, setIsAll] = useState(false);
  const found = filtered(rows, filter).sort((a, b) => byName(a.key, b.key));
  const drawn = isAll ? found : found.slice(0, FIRST_ROWS);
  return (
    <section aria-label={title}>
      <Group justify="space-between" mb={4}>
        <Title order={2} size="h5">
          {title} ({rows.length})
        </Title>
        {action}
      </Group>
      {rows.length >= MANY && (
        <TextInput
          aria-label={`Filter ${title.toLowerCase()}`}
          placeholder="Filter"
          size="xs"
          mb={4}
          value={filter}
          onChange={(event) => setFilter(event.currentTarget.value)}
        />
      )}
      {rows.length === 0 ? (
        <Text size="sm" c="dimmed">
          None were logged.
        </Text>
      ) : (
        <Table aria-label={title} verticalSpacing={4} layout="fixed">
          <Table.Thead>
            <Table.Tr>
              <Table.Th scope="col">Key</Table.Th>
              <Table.Th scope="col">Value</Table.Th>
              {more && <Table.Th scope="col" w={140} aria-label={`More of the ${title.toLowerCase()}`} />}
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {drawn.map((row) => (
              <Table.Tr key={row.key}>
                <Table.Td style={{ overflowWrap: 'anywhere' }}>{row.key}</Table.Td>
                <Table.Td style={{ overflowWrap: 'anywhere' }}>{shown(row)}</Table.Td>
                {more && <Table.Td>{more(row)}</Table.Td>}
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      )}
      {rows.length > 0 && found.length === 0 && (
        <Text size="sm" c="dimmed" role="status">
          Nothing fits the filter.
        </Text>
      )}
      {drawn.length < found.length && (
        <Button size="xs" variant="default" mt={4} onClick={() => setIsAll(true)}>
          Show all {found.length}
        </Button>
      )}
    </section>
  );
}
