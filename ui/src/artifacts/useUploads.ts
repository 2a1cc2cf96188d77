import { fromEvent } from 'file-selector';
import { useEffect, useState, useSyncExternalStore } from 'react';
import { join, proxyUrl, uploadUrl } from './paths';
import { useRefresh, type RunFiles } from './queries';
import { send, type Sending } from './send';
import { UploadQueue, type Upload } from './uploadQueue';

/** The uploads of a run's files. They end when the run is left. */
export function useUploads({ runId, root }: RunFiles) {
  const refresh = useRefresh(runId);
  const [queue] = useState(
    () =>
      new UploadQueue(
        (upload, onProgress, signal) => send({ ...target(runId, root, upload), body: upload.file, onProgress, signal }),
        () => void refresh(),
      ),
  );
  useEffect(() => queue.close, [queue]);
  const uploads = useSyncExternalStore(queue.subscribe, queue.list);
  return {
    uploads,
    again: queue.again,
    cancel: queue.cancel,
    clear: queue.clear,
    /** Adds files that were chosen. */
    add: (files: readonly File[], folder: string) =>
      queue.add(files.map((file) => ({ file, path: join(folder, file.name) }))),
    /** Adds what was dropped, with all files of the folders among it. */
    addDropped: async (event: DragEvent, folder: string) => {
      const dropped = await fromEvent(event);
      const files = dropped.filter((one) => one instanceof File);
      queue.add(files.map((file) => ({ file, path: join(folder, pathOf(file)) })));
    },
  };
}

/** The path of a file within the folder that was dropped. */
function pathOf(file: File & { relativePath?: string }): string {
  return (file.relativePath ?? file.name).replace(/^(\.?\/)+/, '');
}

/** How a file gets to its place. The way past the proxy knows no conditions: there it replaces what is there. */
function target(
  runId: string,
  root: string,
  { path, mayReplace }: Upload,
): Pick<Sending, 'method' | 'url' | 'headers'> {
  const proxied = proxyUrl(root, path);
  if (!proxied) return { method: 'POST', url: uploadUrl(runId, path), headers: {} };
  return { method: 'PUT', url: proxied, headers: mayReplace ? {} : { 'If-None-Match': '*' } };
}
