import { Button, Checkbox, Group, Popover, ScrollArea, Stack, Text, TextInput } from '@mantine/core';
import { ViewVerticalIcon } from '@radix-ui/react-icons';
import { useState } from 'react';
import { idOf, isReserved, KINDS, titleOf, type Column, type Kind } from './columns';

/** So many columns of a kind are offered; the field above finds the others. */
const MOST_OFFERED = 100;
const HEADINGS: Record<Kind, string> = { attributes: 'Attributes', metrics: 'Metrics', params: 'Params', tags: 'Tags' };

interface Props {
  all: readonly Column[];
  /** Ids of the columns that are shown. */
  shown: readonly string[];
  onChange: (shown: string[] | undefined) => void;
}

/** Picks the columns of the table among those that were seen in runs. */
export function ColumnPicker({ all, shown, onChange }: Props) {
  const [wanted, setWanted] = useState('');
  const fitting = all.filter((column) => idOf(column).toLowerCase().includes(wanted.trim().toLowerCase()));
  const toggle = (id: string) => {
    onChange(shown.includes(id) ? shown.filter((one) => one !== id) : [...shown, id]);
  };
  return (
    <Popover position="bottom-end" width={340} shadow="md" trapFocus withinPortal>
      <Popover.Target>
        <Button variant="default" size="sm" leftSection={<ViewVerticalIcon />}>
          Columns
        </Button>
      </Popover.Target>
      <Popover.Dropdown aria-label="Columns of the table">
        <Stack gap="xs">
          <TextInput
            aria-label="Find a column"
            placeholder="Find a column"
            value={wanted}
            data-autofocus
            onChange={(event) => setWanted(event.currentTarget.value)}
          />
          <ScrollArea.Autosize mah={360} viewportProps={{ tabIndex: 0, role: 'group', 'aria-label': 'Columns' }}>
            {KINDS.map((kind) => (
              <Choices
                key={kind}
                heading={HEADINGS[kind]}
                columns={fitting.filter((column) => column.kind === kind && (wanted || !isReserved(column)))}
                shown={shown}
                onToggle={toggle}
              />
            ))}
          </ScrollArea.Autosize>
          <Group justify="space-between">
            <Button size="xs" variant="default" onClick={() => onChange(undefined)}>
              As at first
            </Button>
            <Text size="xs" c="dimmed">
              {shown.length} shown
            </Text>
          </Group>
        </Stack>
      </Popover.Dropdown>
    </Popover>
  );
}

interface ChoicesProps {
  heading: string;
  columns: readonly Column[];
  shown: readonly string[];
  onToggle: (id: string) => void;
}

function Choices({ heading, columns, shown, onToggle }: ChoicesProps) {
  if (columns.length === 0) return null;
  const left = columns.length - MOST_OFFERED;
  return (
    <Stack gap={6} component="fieldset" m={0} mb="sm" p={0} bd={0}>
      <Text component="legend" size="xs" fw={700} mb={6}>
        {heading}
      </Text>
      {columns.slice(0, MOST_OFFERED).map((column) => {
        const id = idOf(column);
        return (
          <Checkbox
            key={id}
            size="xs"
            label={titleOf(column)}
            checked={shown.includes(id)}
            onChange={() => onToggle(id)}
          />
        );
      })}
      {left > 0 && (
        <Text size="xs" c="dimmed">
          {left} more: type a part of the name
        </Text>
      )}
    </Stack>
  );
}
