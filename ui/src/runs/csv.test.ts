import { expect, test } from 'vitest';
import type { Run } from '../api/types';
import { csvOf } from './csv';

function run(name: string, data: Run['data']): Run {
  return { info: { run_id: name, run_name: name, experiment_id: '1', start_time: 0, end_time: 1000 }, data };
}

test('each run is a line, with an empty cell for what it has not', () => {
  const loss = { key: 'loss', value: 0.5, timestamp: 1 };
  const runs = [run('a', { metrics: [loss] }), run('b', { params: [{ key: 'note', value: 'x, "y"' }] })];
  const [head, first, second] = csvOf(runs).split('\r\n');
  expect(head).toMatch(/^attributes.run_name,.*,metrics.loss,params.note$/);
  expect(first).toMatch(/^a,.*,0.5,$/);
  expect(second).toMatch(/^b,.*,,"x, ""y"""$/);
});

test('what a spreadsheet would run is made a text, and numbers stay', () => {
  const params = ['=1+1', '-2.5e-3', '-x'].map((value, index) => ({ key: `p${index}`, value }));
  expect(csvOf([run('a', { params })])).toMatch(/,"'=1\+1",-2.5e-3,"'-x"$/);
});
