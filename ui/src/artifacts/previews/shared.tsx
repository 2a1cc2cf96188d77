import { Loader, Text } from '@mantine/core';
import { queryOptions, useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { Failure } from '../../shell/Failure';
import { fileUrl } from '../paths';
import { readBeginning, textOf } from '../reading';
import { sizeText } from '../sizes';

/** What each preview is given. */
export interface PreviewProps {
  runId: string;
  /** Path of the file below the run's root. */
  path: string;
  /** Bytes of the file. */
  size: number;
}

/** The beginning of a text. */
export interface TextBeginning {
  /** None where the bytes are no text. */
  text: string | undefined;
  size: number;
  isWhole: boolean;
}

/** The first `most` bytes of a file as text. The size is a part of the key, since a file may be replaced. */
export function textQuery({ runId, path, size }: PreviewProps, most: number) {
  return queryOptions({
    queryKey: ['artifact-text', runId, path, size, most],
    queryFn: async ({ signal }): Promise<TextBeginning> => {
      // Of nothing, no range can be asked for.
      if (size === 0) return { text: '', size, isWhole: true };
      const read = await readBeginning(fileUrl(runId, path), most, signal);
      return { text: textOf(read), size: read.size, isWhole: read.isWhole };
    },
    gcTime: 60_000,
  });
}

interface TextProps extends PreviewProps {
  /** Bytes that are read at most. */
  most: number;
  /** Whether the beginning alone shows nothing. */
  needsAll?: boolean;
  children: (text: string, isWhole: boolean) => ReactNode;
}

/** Shows what is made of a file's text, and says what is left out, or why there is nothing to see. */
export function OfText({ most, needsAll = false, children, ...file }: TextProps) {
  const { data, error, refetch } = useQuery(textQuery(file, most));
  if (error) return <Failure title="The file can't be read" error={error} onRepeat={() => void refetch()} />;
  if (!data) return <Loader aria-label="Reading the file" />;
  const { text, size, isWhole } = data;
  if (text === undefined) return <Nothing>This is no text, and mlferry knows no other way to show it.</Nothing>;
  if (text === '') return <Nothing>The file is empty.</Nothing>;
  if (needsAll && !isWhole) return <Nothing>The file is too large to be shown: {sizeText(size)}.</Nothing>;
  return (
    <>
      {children(text, isWhole)}
      {!isWhole && <Nothing>{`Only the first ${sizeText(most)} of ${sizeText(size)} are shown.`}</Nothing>}
    </>
  );
}

/** A remark in place of what can't be shown, or below what is not all. */
export function Nothing({ children }: { children: ReactNode }) {
  return (
    <Text size="sm" c="dimmed" py="xs">
      {children}
    </Text>
  );
}
