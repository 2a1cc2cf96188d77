import { Button, Popover } from '@mantine/core';
import { DownloadIcon } from '@radix-ui/react-icons';
import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { Failure } from '../shell/Failure';
import type { RunsSearch } from './search';

interface Props {
  experimentId: string;
  /** Name of the experiment, which becomes the file's. */
  name: string;
  search: RunsSearch;
  isDisabled: boolean;
}

/** Saves all runs that fit the filter as CSV. */
export function ExportButton({ experimentId, name, search, isDisabled }: Props) {
  const [count, setCount] = useState(0);
  const saving = useMutation({
    mutationFn: async () => {
      const { allRuns, csvOf, save } = await import('./csv');
      setCount(0);
      save(`${name}.csv`, csvOf(await allRuns(experimentId, search, setCount)));
    },
  });
  return (
    <Popover opened={saving.isError} onDismiss={saving.reset} position="bottom-end" withinPortal>
      <Popover.Target>
        <Button
          variant="default"
          size="sm"
          leftSection={<DownloadIcon />}
          disabled={isDisabled || saving.isPending}
          onClick={() => saving.mutate()}
        >
          {saving.isPending ? `${count} runs…` : 'CSV'}
        </Button>
      </Popover.Target>
      <Popover.Dropdown p={0}>
        <Failure title="The file was not made" error={saving.error} />
      </Popover.Dropdown>
    </Popover>
  );
}
