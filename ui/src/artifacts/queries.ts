/** Questions and changes of the files of a run. */

import { queryOptions, useMutation, useQueryClient } from '@tanstack/react-query';
import { fetched, get } from '../api/client';
import { byName } from '../runs/columns';
import { proxyUrl } from './paths';

/** A file or a folder, by its path below the run's root. */
export interface FileInfo {
  path: string;
  is_dir: boolean;
  /** Bytes of a file; absent for an empty one. */
  file_size?: number;
}

/** The run whose files are shown. */
export interface RunFiles {
  runId: string;
  /** The URI of the folder that holds them. */
  root: string;
}

/** What lies in a folder: folders first, then by name. */
export function folderQuery(runId: string, folder: string) {
  return queryOptions({
    queryKey: ['artifacts', runId, folder],
    queryFn: async ({ signal }) => {
      const query = { run_id: runId, path: folder || undefined };
      const { files = [] } = await get<{ files?: FileInfo[] }>('artifacts/list', query, signal);
      return files.sort((a, b) => Number(b.is_dir) - Number(a.is_dir) || byName(a.path, b.path));
    },
  });
}

/** Asks for all folders of a run again that are shown. */
export function useRefresh(runId: string): () => Promise<void> {
  const client = useQueryClient();
  return () => client.invalidateQueries({ queryKey: ['artifacts', runId] });
}

/** Deletes a file or a folder with all that it holds. `onRemoved` is called before the folders are asked for again, which leaves nothing of what asked. */
export function useRemoval({ runId, root }: RunFiles, onRemoved: () => void) {
  const refresh = useRefresh(runId);
  return useMutation({
    mutationFn: async (path: string) => {
      const url = proxyUrl(root, path);
      if (!url) throw new Error('The files of this run do not go through this server, which therefore deletes none.');
      await fetched(url, { method: 'DELETE' });
    },
    onSuccess: onRemoved,
    onSettled: refresh,
  });
}
