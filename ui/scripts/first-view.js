// What a browser loads, compressed, before it shows the list of experiments. Fails when that is more than the page promises.
import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';

const MOST_BYTES = 300_000;
const DIST = new URL('../dist/', import.meta.url);
const manifest = JSON.parse(readFileSync(new URL('.vite/manifest.json', DIST), 'utf8'));

/** The files of a chunk and of all that it needs. */
function needed(chunk, files = new Set()) {
  const { file, css = [], imports = [] } = manifest[chunk];
  if (files.has(file)) return files;
  files.add(file);
  for (const style of css) files.add(style);
  for (const one of imports) needed(one, files);
  return files;
}

const files = new Set(['index.html', ...needed('index.html'), ...needed('src/experiments/ExperimentsPage.tsx')]);
const bytes = [...files].reduce(
  (sum, file) => sum + gzipSync(readFileSync(new URL(file, DIST)), { level: 9 }).length,
  0,
);
console.log(`First view: ${files.size} files, ${bytes} bytes compressed, at most ${MOST_BYTES}.`);
process.exitCode = bytes > MOST_BYTES ? 1 : 0;
