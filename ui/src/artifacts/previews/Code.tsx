import { Box } from '@mantine/core';
import { toJsxRuntime } from 'hast-util-to-jsx-runtime';
import { common, createLowlight } from 'lowlight';
import { useMemo, type ReactNode } from 'react';
import { Fragment, jsx, jsxs } from 'react/jsx-runtime';
import classes from './Code.module.css';

/** Characters of a text that are coloured at most: more would keep the page from answering. */
const MOST_COLOURED = 200_000;
const highlighter = createLowlight(common);

/** Text as it is, coloured where the language is known. */
export function Code({ text, language, label }: { text: string; language: string; label: string }) {
  const content = useMemo(() => coloured(text, language), [text, language]);
  return (
    // What scrolls can be reached by keys.
    <Box component="pre" className={classes.code} tabIndex={0} role="group" aria-label={label}>
      <code>{content}</code>
    </Box>
  );
}

function coloured(text: string, language: string): ReactNode {
  if (text.length > MOST_COLOURED || !highlighter.registered(language)) return text;
  // The library's type of elements is one that React has no more.
  return toJsxRuntime(highlighter.highlight(language, text), { Fragment, jsx, jsxs }) as ReactNode;
}
