// For tests that need a process of their own: `node --require tools/jest/run-typescript.cjs FILE.ts`.
const { readFileSync } = require('node:fs');
const { join } = require('node:path');
const { transformFileSync } = require('@swc/core');

const root = join(__dirname, '../..');
// Programs of tests are left out of the build, but not here.
const { exclude: _, $schema: __, ...options } = JSON.parse(readFileSync(join(root, '.swcrc'), 'utf8'));

require.extensions['.ts'] = (module, file) => {
  const { code } = transformFileSync(file, {
    ...options,
    swcrc: false,
    sourceMaps: 'inline',
    jsc: { ...options.jsc, baseUrl: root },
  });
  module._compile(code, file);
};
