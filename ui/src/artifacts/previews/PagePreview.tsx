import { SegmentedControl, Stack } from '@mantine/core';
import { useState } from 'react';
import { languageOf } from '../kinds';
import { nameOf } from '../paths';
import { Code } from './Code';
import { Sandbox } from './Sandbox';
import { Nothing, OfText, type PreviewProps } from './shared';

/** Bytes of a page that are shown at most. */
const MOST_BYTES = 8 * 1024 * 1024;
const VIEWS = ['Page', 'Source'];

/** HTML or SVG, shut away in a frame where no script runs. */
export default function PagePreview(file: PreviewProps) {
  const [view, setView] = useState('Page');
  const name = nameOf(file.path);
  return (
    <Stack gap="xs">
      <SegmentedControl
        aria-label="What to show"
        size="xs"
        data={VIEWS}
        value={view}
        onChange={setView}
        style={{ alignSelf: 'flex-start' }}
      />
      <OfText {...file} most={MOST_BYTES} needsAll>
        {(text) =>
          view === 'Source' ? (
            <Code text={text} language={languageOf(file.path)} label={name} />
          ) : (
            <>
              <Sandbox html={text} title={name} />
              <Nothing>
                Scripts of the file don't run here, and it reaches no server. Download it to see it as it is meant.
              </Nothing>
            </>
          )
        }
      </OfText>
    </Stack>
  );
}
