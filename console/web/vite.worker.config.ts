// Builds the service worker into one file, after everything else: it has to know the names of what is built.
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';

const dist = fileURLToPath(new URL('dist/', import.meta.url));
const names = readdirSync(dist, { recursive: true, withFileTypes: true })
  .filter((f) => f.isFile() && f.name !== 'sw.js')
  .map((f) => `${f.parentPath.slice(dist.length).replace(/\/?$/, '/')}${f.name}`.replace(/^\/*/, '/'))
  .sort();
const digest = createHash('sha256');
for (const name of names) digest.update(name).update(readFileSync(dist + name));
// index.html is served at the root.
const files = names.map((name) => (name === '/index.html' ? '/' : name));

export default defineConfig({
  publicDir: false,
  define: { __SHELL__: JSON.stringify({ version: digest.digest('hex').slice(0, 12), files }) },
  build: {
    target: 'es2022',
    emptyOutDir: false,
    modulePreload: false,
    lib: { entry: fileURLToPath(new URL('src/sw/worker.ts', import.meta.url)), formats: ['iife'], name: 'worker', fileName: () => 'sw.js' },
  },
});
