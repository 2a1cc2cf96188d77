import { Paper, Stack } from '@mantine/core';
import { Markdown } from '../../markdown/Markdown';
import { Code } from './Code';
import { notebookOf, type Cell, type Output } from './notebook';
import classes from './previews.module.css';
import { Sandbox } from './Sandbox';
import { Nothing, OfText, type PreviewProps } from './shared';

/** Bytes of a notebook that are read at most. */
const MOST_BYTES = 16 * 1024 * 1024;

/** A notebook: its texts, its code, and what came out of that. */
export default function NotebookPreview(file: PreviewProps) {
  return (
    <OfText {...file} most={MOST_BYTES} needsAll>
      {(text) => {
        const notebook = notebookOf(text);
        if (!notebook) return <Nothing>This is no notebook that could be read.</Nothing>;
        return (
          <Stack gap="sm">
            {notebook.cells.map((cell, index) => (
              <NotebookCell key={index} cell={cell} language={notebook.language} label={`Cell ${index + 1}`} />
            ))}
          </Stack>
        );
      }}
    </OfText>
  );
}

function NotebookCell({ cell, language, label }: { cell: Cell; language: string; label: string }) {
  if (cell.kind === 'markdown') return <Markdown text={cell.source} />;
  return (
    <Paper withBorder component="section" aria-label={label}>
      <Code text={cell.source} language={cell.kind === 'code' ? language : ''} label={`${label}: source`} />
      {cell.outputs.map((output, index) => (
        <CellOutput key={index} output={output} label={`${label}: output ${index + 1}`} />
      ))}
    </Paper>
  );
}

function CellOutput({ output, label }: { output: Output; label: string }) {
  switch (output.kind) {
    case 'text':
      return <Code text={output.text} language="" label={label} />;
    case 'image':
      return (
        <div className={classes.picture}>
          <img src={output.url} alt={label} />
        </div>
      );
    case 'page':
      return <Sandbox html={output.html} title={label} className={classes.output} />;
  }
}
