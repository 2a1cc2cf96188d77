import { ActionIcon, Button, Group, Menu } from '@mantine/core';
import { useClipboard } from '@mantine/hooks';
import { DotsHorizontalIcon, DownloadIcon } from '@radix-ui/react-icons';
import { useState } from 'react';
import { ConfirmModal } from '../shell/ConfirmModal';
import { archiveUrl, fileUrl, nameOf, proxyUrl, pythonOf, uriOf } from './paths';
import { useRemoval, type RunFiles } from './queries';

interface Props extends RunFiles {
  /** Path of a file or a folder; empty for all of the run. */
  path: string;
  isFolder: boolean;
  onDeleted: () => void;
}

/** What can be done with a file or a folder. */
export function ArtifactActions({ runId, root, path, isFolder, onDeleted }: Props) {
  const clipboard = useClipboard();
  const [isRemoving, setIsRemoving] = useState(false);
  const copied = clipboard.error ? 'The browser does not let the page copy' : clipboard.copied ? 'Copied' : undefined;
  // The whole of a run is deleted with the run; what lies elsewhere, only where it lies.
  const canDelete = path !== '' && proxyUrl(root, path) !== undefined;
  return (
    <Group gap="xs" wrap="nowrap">
      <Button
        component="a"
        href={isFolder ? archiveUrl(runId, path) : fileUrl(runId, path)}
        download
        size="xs"
        variant="default"
        leftSection={<DownloadIcon aria-hidden />}
      >
        {path === '' ? 'Download all' : isFolder ? 'Download as zip' : 'Download'}
      </Button>
      <Menu withinPortal closeOnItemClick={false} onClose={clipboard.reset}>
        <Menu.Target>
          <ActionIcon
            variant="default"
            size={30}
            aria-label={path === '' ? 'More for all' : `More for ${nameOf(path)}`}
          >
            <DotsHorizontalIcon aria-hidden />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          {copied && <Menu.Label role="status">{copied}</Menu.Label>}
          {path !== '' && <Menu.Item onClick={() => clipboard.copy(path)}>Copy path</Menu.Item>}
          <Menu.Item onClick={() => clipboard.copy(uriOf(root, path))}>Copy URI</Menu.Item>
          <Menu.Item onClick={() => clipboard.copy(pythonOf(runId, path))}>Copy line of Python</Menu.Item>
          {canDelete && (
            <>
              <Menu.Divider />
              <Menu.Item closeMenuOnClick onClick={() => setIsRemoving(true)}>
                Delete…
              </Menu.Item>
            </>
          )}
        </Menu.Dropdown>
      </Menu>
      {isRemoving && (
        <RemoveArtifact
          runId={runId}
          root={root}
          path={path}
          isFolder={isFolder}
          onDone={onDeleted}
          onClose={() => setIsRemoving(false)}
        />
      )}
    </Group>
  );
}

interface RemoveProps extends RunFiles {
  path: string;
  isFolder: boolean;
  onDone: () => void;
  onClose: () => void;
}

function RemoveArtifact({ path, isFolder, onDone, onClose, ...files }: RemoveProps) {
  const removal = useRemoval(files, () => {
    onClose();
    onDone();
  });
  return (
    <ConfirmModal
      opened
      title={isFolder ? 'Delete the folder?' : 'Delete the file?'}
      verb="Delete"
      isPending={removal.isPending}
      error={removal.error}
      onConfirm={() => removal.mutate(path)}
      onClose={onClose}
    >
      {isFolder ? `${path}/ and all that is in it are` : `${path} is`} deleted for good. Nothing brings it back.
    </ConfirmModal>
  );
}
