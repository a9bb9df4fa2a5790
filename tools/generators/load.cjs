// Nx may run on a Node that doesn't read TypeScript, so this makes it do so.
require('../jest/run-typescript.cjs');
module.exports = require('./src/index.ts');
