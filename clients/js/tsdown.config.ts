import { defineConfig } from 'tsdown';

export default defineConfig({
  entry: ['src/index.ts', 'src/react.tsx', 'src/next.ts', 'src/pages.ts', 'src/testing.ts'],
  format: ['esm', 'cjs'],
  dts: true,
  fixedExtension: false,
  platform: 'neutral',
  target: 'es2022',
  // CommonJS gets the default export as `.default`, as the types say.
  outputOptions: { exports: 'named' },
  // One instance of each, the app's own.
  deps: { neverBundle: [/^next/, /^react/] },
});
