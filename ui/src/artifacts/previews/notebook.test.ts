import { expect, test } from 'vitest';
import { notebookOf } from './notebook';

test('cells have their source and what came out of them', () => {
  const notebook = notebookOf(
    JSON.stringify({
      metadata: { language_info: { name: 'julia' } },
      cells: [
        { cell_type: 'markdown', source: ['# a\n', 'b'] },
        {
          cell_type: 'code',
          source: 'x',
          outputs: [
            { output_type: 'stream', text: ['1\n', '2'] },
            { output_type: 'display_data', data: { 'image/png': 'aGk=\n', 'text/plain': 'plot' } },
            { output_type: 'execute_result', data: { 'text/html': '<b>x</b>', 'text/plain': 'x' } },
            { output_type: 'error', ename: 'E', evalue: 'v', traceback: ['\u001b[31mred\u001b[0m'] },
          ],
        },
      ],
    }),
  );
  expect(notebook?.language).toBe('julia');
  expect(notebook?.cells[0]).toEqual({ kind: 'markdown', source: '# a\nb', outputs: [] });
  expect(notebook?.cells[1]?.outputs).toEqual([
    { kind: 'text', text: '1\n2' },
    { kind: 'image', url: 'data:image/png;base64,aGk=' },
    { kind: 'page', html: '<b>x</b>' },
    { kind: 'text', text: 'red' },
  ]);
});

test('what is no notebook is none, and odd cells are empty', () => {
  for (const text of ['', '[]', '{}', '{"cells": 1}', 'null']) expect(notebookOf(text), text).toBeUndefined();
  const odd = notebookOf('{"cells": [null, {"outputs": [7, {"data": {"image/png": "x\\" onerror=1"}}]}]}');
  expect(odd?.cells).toEqual([
    { kind: 'code', source: '', outputs: [] },
    { kind: 'code', source: '', outputs: [] },
  ]);
});
