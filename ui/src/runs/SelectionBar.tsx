import { Button, Group, Text } from '@mantine/core';
import { useState } from 'react';
import { ButtonLink } from '../shell/PageLink';
import { MOST_COMPARED } from './compare/search';
import { RemoveRuns } from './RemoveRuns';
import type { RunsSearch } from './search';
import { TagRuns } from './TagRuns';

interface Props {
  experimentId: string;
  search: RunsSearch;
  onClear: () => void;
}

/** What can be done with the runs that are selected. */
export function SelectionBar({ experimentId, search, onClear }: Props) {
  const [asked, setAsked] = useState<'tag' | 'remove'>();
  const { selected = [], deleted = false } = search;
  if (selected.length === 0) return null;
  const close = () => setAsked(undefined);
  return (
    <Group gap="xs" role="group" aria-label="Selected runs">
      <Text size="sm">{selected.length} selected</Text>
      <ButtonLink
        to="/experiments/$experimentId/compare"
        params={{ experimentId }}
        search={{ runs: selected }}
        size="xs"
        disabled={selected.length > MOST_COMPARED}
        title={selected.length > MOST_COMPARED ? `At most ${MOST_COMPARED} runs can be compared` : undefined}
      >
        Compare
      </ButtonLink>
      {!deleted && (
        <Button size="xs" variant="default" onClick={() => setAsked('tag')}>
          Tag…
        </Button>
      )}
      <Button size="xs" variant="default" onClick={() => setAsked('remove')}>
        {deleted ? 'Restore…' : 'Delete…'}
      </Button>
      <Button size="xs" variant="subtle" onClick={onClear}>
        Select none
      </Button>
      {asked === 'tag' && <TagRuns ids={selected} onClose={close} />}
      {asked === 'remove' && <RemoveRuns ids={selected} isDeleted={deleted} onDone={onClear} onClose={close} />}
    </Group>
  );
}
