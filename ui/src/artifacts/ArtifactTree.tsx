import { Loader, Text } from '@mantine/core';
import { ChevronDownIcon, ChevronRightIcon, FileIcon } from '@radix-ui/react-icons';
import { useQueries } from '@tanstack/react-query';
import { useVirtualizer } from '@tanstack/react-virtual';
import { useId, useMemo, useRef, useState, type KeyboardEvent, type MouseEvent } from 'react';
import { messageOf } from '../api/client';
import classes from './ArtifactTree.module.css';
import { foldersTo, nameOf } from './paths';
import { folderQuery, type FileInfo } from './queries';
import { afterKey, rowsOf, type Row } from './rows';
import { sizeText } from './sizes';

/** Height of a row in pixels; `ArtifactTree.module.css` has the same. */
const ROW_PX = 30;
/** Rows that are kept ready above and below what is seen. */
const OVERSCAN = 12;
/** How much further in the files of a folder begin, in pixels. */
const INDENT_PX = 16;

interface Props {
  runId: string;
  /** Path of the file or folder that is shown; none, at first. */
  selected: string | undefined;
  onSelect: (file: FileInfo) => void;
}

/** The files of a run. Each folder is asked for when it is opened, and only the rows that are seen are in the document. */
export function ArtifactTree({ runId, selected, onSelect }: Props) {
  const id = useId();
  const container = useRef<HTMLDivElement>(null);
  const { rows, toggle } = useRows(runId, selected);
  const [active, setActive] = useState(selected);
  const at = Math.max(
    rows.findIndex((row) => row.file.path === (active ?? selected)),
    0,
  );
  const virtualizer = useVirtualizer({
    count: rows.length,
    getScrollElement: () => container.current,
    estimateSize: () => ROW_PX,
    overscan: OVERSCAN,
    useFlushSync: false,
  });
  const choose = (row: Row) => {
    setActive(row.file.path);
    if (row.file.is_dir) toggle(row.file.path);
    onSelect(row.file);
  };
  const click = (event: MouseEvent) => {
    const item = (event.target as Element).closest<HTMLElement>('[data-index]');
    const row = item && rows[Number(item.dataset.index)];
    if (row) choose(row);
  };
  const press = (event: KeyboardEvent) => {
    const row = rows[at];
    if (!row) return;
    if (event.key === 'Enter' || event.key === ' ') {
      event.preventDefault();
      choose(row);
      return;
    }
    const led = afterKey(rows, at, event.key);
    if (!led) return;
    event.preventDefault();
    if (led.toggle) toggle(row.file.path);
    const next = led.to === undefined ? undefined : rows[led.to];
    if (led.to === undefined || !next) return;
    setActive(next.file.path);
    virtualizer.scrollToIndex(led.to);
  };
  return (
    <div
      ref={container}
      className={classes.tree}
      role="tree"
      aria-label="Artifacts"
      aria-activedescendant={rows.length > 0 ? `${id}-${at}` : undefined}
      tabIndex={0}
      onClick={click}
      onKeyDown={press}
    >
      <div role="none" style={{ height: virtualizer.getTotalSize(), position: 'relative' }}>
        {virtualizer.getVirtualItems().map(({ index, start }) => {
          const row = rows[index];
          return (
            row && (
              <div
                key={row.file.path}
                id={`${id}-${index}`}
                data-index={index}
                data-active={index === at || undefined}
                className={classes.row}
                role="treeitem"
                aria-level={row.level}
                aria-posinset={row.position}
                aria-setsize={row.count}
                aria-expanded={row.file.is_dir ? row.isOpen : undefined}
                aria-selected={row.file.path === selected}
                style={{ transform: `translateY(${start}px)`, paddingLeft: (row.level - 1) * INDENT_PX + 4 }}
              >
                <Entry row={row} />
              </div>
            )
          );
        })}
      </div>
    </div>
  );
}

function Entry({ row: { file, isOpen, note, error } }: { row: Row }) {
  const Icon = file.is_dir ? (isOpen ? ChevronDownIcon : ChevronRightIcon) : FileIcon;
  return (
    <>
      <Icon aria-hidden className={classes.icon} />
      <span className={classes.name} title={nameOf(file.path)}>
        {nameOf(file.path)}
      </span>
      {note === 'loading' && <Loader size={12} aria-label="Loading" />}
      {note === 'empty' && (
        <Text span size="xs" c="dimmed">
          empty
        </Text>
      )}
      {note === 'failed' && (
        <Text span size="xs" title={messageOf(error)}>
          can't be read
        </Text>
      )}
      {!file.is_dir && (
        <Text span size="xs" c="dimmed" className={classes.size}>
          {sizeText(file.file_size ?? 0)}
        </Text>
      )}
    </>
  );
}

/** The rows, and what opens or closes a folder. Folders that lead to what is shown at first are open. */
function useRows(runId: string, selected: string | undefined) {
  const [open, setOpen] = useState<ReadonlySet<string>>(() => new Set(['', ...foldersTo(selected ?? '')]));
  const paths = useMemo(() => [...open], [open]);
  const folders = useQueries({
    queries: paths.map((path) => folderQuery(runId, path)),
    combine: (answers) => answers.map(({ data, error }) => ({ files: data, error: error ?? undefined })),
  });
  const rows = useMemo(
    () => rowsOf(new Map(paths.map((path, index) => [path, folders[index] ?? {}]))),
    [paths, folders],
  );
  const toggle = (path: string) => {
    const next = new Set(open);
    if (!next.delete(path)) next.add(path);
    setOpen(next);
  };
  return { rows, toggle };
}
