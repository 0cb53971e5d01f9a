import { fileURLToPath } from 'node:url';

// The packages of this repository share one node_modules, at its root.
const root = fileURLToPath(new URL('../../..', import.meta.url));

/** @type {import('next').NextConfig} */
export default {
  output: 'standalone',
  outputFileTracingRoot: root,
  turbopack: { root },
  poweredByHeader: false,
  // What browsers ask for on pages that name no icon, such as Django's admin.
  rewrites: async () => [{ source: '/favicon.ico', destination: '/icon.svg' }],
};
