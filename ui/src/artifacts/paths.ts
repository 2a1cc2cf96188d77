/** Where the files of a run are: their paths below the run's root, and the URLs that lead to them. Paths are plain text. */

import { queryString } from '../api/client';

/** Begins the URI of a run whose files go through this server. What follows is a path, or another server's name. */
const PROXIED = 'mlflow-artifacts:/';
/** Where the proxy has the files, by their paths below its root. */
const PROXY = 'ajax-api/2.0/mlflow-artifacts/artifacts/';

/** The last part of a path. */
export function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

/** The folder that a path lies in; the root is empty. */
export function folderOf(path: string): string {
  return path.slice(0, Math.max(path.lastIndexOf('/'), 0));
}

/** A path below a folder. */
export function join(folder: string, path: string): string {
  return folder ? `${folder}/${path}` : path;
}

/** The folders that lead to a path, from the root's first one on. */
export function foldersTo(path: string): string[] {
  const parts = path.split('/').slice(0, -1);
  return parts.map((_, index) => parts.slice(0, index + 1).join('/'));
}

/** Where a relative link in the file at `path` leads; none for what leads out of the run, or is no path. */
export function linked(path: string, link: string): string | undefined {
  if (/^([a-z][a-z0-9+.-]*:|[/\\#?]|$)/i.test(link)) return undefined;
  const parts = folderOf(path).split('/').filter(Boolean);
  for (const part of decoded(link.replace(/[?#].*$/, '')).split('/')) {
    if (part === '..' && parts.pop() === undefined) return undefined;
    if (part !== '..' && part !== '.' && part !== '') parts.push(part);
  }
  return parts.length > 0 ? parts.join('/') : undefined;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** What a file is downloaded from, in pieces as well. The server sends it as an attachment, which no browser runs. */
export function fileUrl(runId: string, path: string): string {
  return `get-artifact?${queryString({ run_id: runId, path })}`;
}

/** What a folder is downloaded from as a zip; an empty path is all of the run. */
export function archiveUrl(runId: string, path: string): string {
  return `get-artifact?${queryString({ run_id: runId, path, archive: 'zip' })}`;
}

/** Where a file is put and deleted; none for runs whose files don't go through this server. */
export function proxyUrl(root: string, path: string): string | undefined {
  const below = root.slice(PROXIED.length);
  if (!root.startsWith(PROXIED) || below.startsWith('/')) return undefined;
  return PROXY + join(below.replace(/\/+$/, ''), path).split('/').map(encodeURIComponent).join('/');
}

/** Where a file is put that does not go through the proxy; the server takes few bytes there. */
export function uploadUrl(runId: string, path: string): string {
  return `ajax-api/2.0/mlflow/upload-artifact?${queryString({ run_uuid: runId, path })}`;
}

/** The URI of a file or a folder. */
export function uriOf(root: string, path: string): string {
  return path ? `${root.replace(/\/+$/, '')}/${path}` : root;
}

/** The line of Python that downloads a file or a folder. JSON's texts are Python's, too. */
export function pythonOf(runId: string, path: string): string {
  const which = path ? `, artifact_path=${JSON.stringify(path)}` : '';
  return `mlflow.artifacts.download_artifacts(run_id=${JSON.stringify(runId)}${which})`;
}
