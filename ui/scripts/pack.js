/** Compresses what Vite built into `packed/`, from where it goes into the binary: small, and as browsers ask for it. */

import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';

const BUILT = join(import.meta.dirname, '../dist');
const PACKED = join(import.meta.dirname, '../packed');
/** Files that are smaller by less than a tenth stay as they are: pictures and fonts are compressed already. */
const WORTH_IT = 0.9;

for (const entry of readdirSync(PACKED)) {
  if (entry !== '.gitignore') rmSync(join(PACKED, entry), { recursive: true });
}
for (const entry of readdirSync(BUILT, { recursive: true, withFileTypes: true })) {
  const path = relative(BUILT, join(entry.parentPath, entry.name));
  // `.vite` tells other programs what was built.
  if (entry.isFile() && !path.startsWith('.')) pack(path);
}

function pack(path) {
  const content = readFileSync(join(BUILT, path));
  const packed = join(PACKED, path);
  mkdirSync(dirname(packed), { recursive: true });
  const zipped = gzipSync(content, { level: constants.Z_BEST_COMPRESSION });
  if (zipped.length > content.length * WORTH_IT) {
    writeFileSync(packed, content);
    return;
  }
  writeFileSync(`${packed}.gz`, zipped);
  const params = { [constants.BROTLI_PARAM_SIZE_HINT]: content.length };
  writeFileSync(`${packed}.br`, brotliCompressSync(content, { params }));
}
