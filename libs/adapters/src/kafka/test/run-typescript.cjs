// Lets a child process of a test run TypeScript: node --require run-typescript.cjs program.ts
const { readFileSync } = require('node:fs');
const { join } = require('node:path');
const { transformFileSync } = require('@swc/core');

const root = join(__dirname, '../../../../..');
const { exclude: _, $schema: __, ...options } = JSON.parse(readFileSync(join(root, '.swcrc'), 'utf8'));

require.extensions['.ts'] = (module, filename) => {
  const { code } = transformFileSync(filename, {
    ...options,
    swcrc: false,
    sourceMaps: 'inline',
    jsc: { ...options.jsc, baseUrl: root },
  });
  module._compile(code, filename);
};
