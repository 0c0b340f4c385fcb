import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vitest/config';

// While one develops, the daemon answers what is below /api.
const daemon = process.env['DAEMON'] ?? 'http://127.0.0.1:8080';

export default defineConfig({
  plugins: [svelte()],
  build: {
    target: 'es2022',
    // Nothing of it may be inline: the page is served with a policy that forbids that.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  server: { proxy: { '/api': { target: daemon } } },
  test: { include: ['src/**/*.test.ts'] },
});
