#!/usr/bin/env node
// A new workspace with the platform and without the shop: see docs/create.md.
import { prepare } from './bootstrap/prepare.mjs';
import { Problem, at, run, say } from './bootstrap/process.mjs';

try {
  const node = await prepare();
  const script = ['--require', at('tools/jest/run-typescript.cjs'), at('tools/generators/create/main.ts')];
  process.exitCode = await run(node, [...script, ...process.argv.slice(2)], {
    stdio: 'inherit',
    cwd: process.cwd(),
  });
} catch (error) {
  if (!(error instanceof Problem)) throw error;
  say(error.message);
  process.exitCode = 1;
}
