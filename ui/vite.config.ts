import react from '@vitejs/plugin-react';
import { defineConfig } from 'vitest/config';

/** The server whose API `npm run dev` shows. */
const SERVER = process.env.MLFERRY_URL ?? 'http://localhost:5000';
/** What the page asks the server for, beside its own files. */
const ASKED_FOR = ['/ajax-api', '/get-artifact', '/graphql', '/model-versions', '/health', '/version'];
/** Below this path the server has the files of this folder, as it has those of the stock page. */
const SERVED_AT = './static-files/';

export default defineConfig({
  plugins: [react()],
  // Relative, so that the page works below any `--static-prefix`.
  base: './',
  experimental: {
    // Only index.html lies elsewhere; the others find each other beside themselves.
    renderBuiltUrl: (file, { hostType }) => (hostType === 'html' ? SERVED_AT + file : { relative: true }),
  },
  build: {
    // Small files as `data:` URLs would need a wider Content-Security-Policy.
    assetsInlineLimit: 0,
    // ECharts in one piece, which is loaded with its plots only.
    chunkSizeWarningLimit: 800,
    modulePreload: { polyfill: false },
    manifest: true,
    rollupOptions: {
      output: {
        // The server knows by the digest between dots that a file never changes.
        hashCharacters: 'hex',
        entryFileNames: 'assets/[name].[hash].js',
        chunkFileNames: 'assets/[name].[hash].js',
        assetFileNames: 'assets/[name].[hash][extname]',
      },
    },
  },
  server: { proxy: Object.fromEntries(ASKED_FOR.map((path) => [path, SERVER])) },
  test: { include: ['src/**/*.test.ts'], environment: 'node' },
});
