import { Button, FileButton, Group, Loader, Stack, Text, Title } from '@mantine/core';
import { UploadIcon } from '@radix-ui/react-icons';
import { useQuery } from '@tanstack/react-query';
import { useState, type DragEvent } from 'react';
import { EmptyState, trackingLine } from '../shell/EmptyState';
import { Failure } from '../shell/Failure';
import classes from './ArtifactBrowser.module.css';
import { ArtifactActions } from './ArtifactActions';
import { ArtifactTree } from './ArtifactTree';
import { folderOf, nameOf, uriOf } from './paths';
import { Preview } from './Preview';
import { folderQuery, type RunFiles } from './queries';
import { sizeText } from './sizes';
import { UploadList } from './UploadList';
import { useUploads } from './useUploads';

interface Props extends RunFiles {
  /** Path of what is shown: a file or a folder; none for the root. */
  path: string | undefined;
  onPath: (path: string | undefined) => void;
}

/** The files of a run: what there is, what is in it, and all that can be done with it. */
export function ArtifactBrowser({ runId, root, path, onPath }: Props) {
  const files = { runId, root };
  const { data: top, error, refetch } = useQuery(folderQuery(runId, ''));
  // What the address names may be a file or a folder: the one that holds it knows.
  const around = useQuery({ ...folderQuery(runId, folderOf(path ?? '')), enabled: path !== undefined });
  const shown = around.data?.find((file) => file.path === path);
  const isUnknown = path !== undefined && around.data !== undefined && !shown;
  const folder = shown?.is_dir ? shown.path : folderOf(path ?? '');
  const uploads = useUploads(files);
  const { dropping, ...dropTarget } = useDrop((event) => void uploads.addDropped(event, folder));
  if (error) return <Failure title="The artifacts can't be listed" error={error} onRepeat={() => void refetch()} />;
  if (!top) return <Loader aria-label="Loading the artifacts" />;
  return (
    <div className={classes.browser} data-dropping={dropping || undefined} {...dropTarget}>
      <Stack gap="xs" className={classes.side}>
        <Group gap="xs" justify="space-between">
          <ArtifactActions {...files} path="" isFolder onDeleted={() => onPath(undefined)} />
          <FileButton multiple onChange={(chosen) => uploads.add(chosen, folder)}>
            {(props) => (
              <Button {...props} size="xs" variant="default" leftSection={<UploadIcon aria-hidden />}>
                Upload
              </Button>
            )}
          </FileButton>
        </Group>
        {top.length > 0 && <ArtifactTree runId={runId} selected={path} onSelect={(file) => onPath(file.path)} />}
        <Text size="xs" c="dimmed">
          Drop files here to upload them into {folder ? `${folder}/` : 'the root'}.
        </Text>
        <UploadList {...uploads} />
      </Stack>
      <section className={classes.main} aria-label="Preview">
        {top.length === 0 && <NoArtifacts runId={runId} />}
        {around.error && (
          <Failure title="The file can't be found" error={around.error} onRepeat={() => void around.refetch()} />
        )}
        {isUnknown && (
          <EmptyState title="This file is not there">It may have been deleted or renamed: {path}</EmptyState>
        )}
        {top.length > 0 && path === undefined && (
          <EmptyState title="Choose a file">Its content is shown here, as far as a browser can show it.</EmptyState>
        )}
        {shown && (
          <Stack gap="xs">
            <Group justify="space-between" gap="xs">
              <div>
                <Title order={2} size="h5" className={classes.title}>
                  {nameOf(shown.path)}
                </Title>
                <Text size="xs" c="dimmed" className={classes.title}>
                  {shown.is_dir ? 'Folder' : sizeText(shown.file_size ?? 0)} · {uriOf(root, shown.path)}
                </Text>
              </div>
              <ArtifactActions
                key={shown.path}
                {...files}
                path={shown.path}
                isFolder={shown.is_dir}
                onDeleted={() => onPath(folderOf(shown.path) || undefined)}
              />
            </Group>
            {!shown.is_dir && <Preview runId={runId} path={shown.path} size={shown.file_size ?? 0} />}
          </Stack>
        )}
      </section>
    </div>
  );
}

function NoArtifacts({ runId }: { runId: string }) {
  const line = `mlflow.MlflowClient().log_text(${JSON.stringify(runId)}, "hello", "hello.txt")`;
  return (
    <EmptyState title="No artifacts yet" python={`import mlflow\n${trackingLine()}\n${line}`}>
      Drop files here, or let three lines of Python log the first one:
    </EmptyState>
  );
}

/** Takes files that are dropped, and tells whether some are held above. */
function useDrop(onDrop: (event: globalThis.DragEvent) => void) {
  const [dropping, setDropping] = useState(false);
  const over = (event: DragEvent) => {
    if (!event.dataTransfer.types.includes('Files')) return;
    event.preventDefault();
    setDropping(true);
  };
  const leave = (event: DragEvent) => {
    if (!event.currentTarget.contains(event.relatedTarget as Node | null)) setDropping(false);
  };
  const drop = (event: DragEvent) => {
    setDropping(false);
    if (!event.dataTransfer.types.includes('Files')) return;
    event.preventDefault();
    onDrop(event.nativeEvent);
  };
  return { dropping, onDragEnter: over, onDragOver: over, onDragLeave: leave, onDrop: drop };
}
