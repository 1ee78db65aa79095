/**
 * How the UI is built: plain files under dist/, hashed under assets/, nothing inlined, so that the
 * server can send them under a strict content security policy and any route prefix.
 */
import { defineConfig } from 'vite';

/** A running `gpulse demo`, which `vite dev` asks for data. */
const api = process.env['GPULSE_API'] ?? 'http://127.0.0.1:9470';

export default defineConfig({
  base: './',
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: {
    target: 'es2022',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
  server: { proxy: { '/api': api } },
});
