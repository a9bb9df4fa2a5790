// For tests that need a process of their own: `node --require tools/jest/run-typescript.cjs FILE.ts`.
const { readFileSync } = require('node:fs');
const Module = require('node:module');
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

// import() has the extension of what is compiled, as TypeScript wants it.
const resolve = Module._resolveFilename;
Module._resolveFilename = (request, ...rest) =>
  resolve(request.replace(/^(\.{1,2}\/.+\/index)\.js$/, '$1'), ...rest);
