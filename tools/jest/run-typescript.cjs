// Runs a TypeScript file in a process of its own: `node --require tools/jest/run-typescript.cjs FILE.ts`.
const { readFileSync } = require('node:fs');
const Module = require('node:module');
const { join } = require('node:path');
const { transformFileSync } = require('@swc/core');

const root = join(__dirname, '../..');
// The build leaves out test programs; here they must run.
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

// Dynamic imports name the compiled file, as TypeScript requires.
const resolve = Module._resolveFilename;
Module._resolveFilename = (request, ...rest) =>
  resolve(request.replace(/^(\.{1,2}\/.+\/index)\.js$/, '$1'), ...rest);
