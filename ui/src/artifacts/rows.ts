/** The tree of files as rows, one below the other. */

import type { FileInfo } from './queries';

/** What is known of a folder that was opened. */
export interface Folder {
  files?: readonly FileInfo[];
  error?: unknown;
}

/** A line of the tree: a file, a folder, or what stands in the place of files that are not there. */
export interface Row {
  file: FileInfo;
  /** 1 for what lies in the root. */
  level: number;
  /** Its place among those of its folder, from 1 on, and how many these are. */
  position: number;
  count: number;
  isOpen: boolean;
  /** What stands below a folder that is open, in place of files. */
  note?: 'loading' | 'empty' | 'failed';
  error?: unknown;
}

/** The rows below a folder, of which `folders` has those that are open. */
export function rowsOf(folders: ReadonlyMap<string, Folder>, folder = '', level = 1): Row[] {
  const files = folders.get(folder)?.files ?? [];
  return files.flatMap((file, index) => {
    const opened = file.is_dir ? folders.get(file.path) : undefined;
    const row: Row = { file, level, position: index + 1, count: files.length, isOpen: opened !== undefined };
    if (!opened) return [row];
    if (opened.error) return [{ ...row, note: 'failed', error: opened.error }];
    if (!opened.files) return [{ ...row, note: 'loading' }];
    if (opened.files.length === 0) return [{ ...row, note: 'empty' }];
    return [row, ...rowsOf(folders, file.path, level + 1)];
  });
}

/** Where a key leads in the tree: to another row, or a folder is opened or closed there. */
export function afterKey(rows: readonly Row[], at: number, key: string): { to?: number; toggle?: boolean } | undefined {
  const row = rows[at];
  const last = rows.length - 1;
  switch (key) {
    case 'ArrowDown':
      return { to: Math.min(at + 1, last) };
    case 'ArrowUp':
      return { to: Math.max(at - 1, 0) };
    case 'Home':
      return { to: 0 };
    case 'End':
      return { to: last };
    case 'ArrowRight':
      if (!row?.file.is_dir) return {};
      return row.isOpen ? { to: Math.min(at + 1, last) } : { toggle: true };
    case 'ArrowLeft':
      if (row?.isOpen) return { toggle: true };
      return {
        to: Math.max(
          rows.findLastIndex((one, index) => index < at && one.level < (row?.level ?? 0)),
          0,
        ),
      };
    default:
      return undefined;
  }
}
