import { readFileSync } from 'node:fs';

const { exclude: _, ...swc } = JSON.parse(readFileSync(new URL('.swcrc', import.meta.url), 'utf8'));

/** @type {import('jest').Config} */
export default {
  testEnvironment: 'node',
  roots: ['<rootDir>/apps', '<rootDir>/libs', '<rootDir>/tools'],
  testMatch: ['**/*.spec.ts'],
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      { ...swc, swcrc: false, jsc: { ...swc.jsc, baseUrl: undefined, paths: undefined } },
    ],
  },
  moduleNameMapper: {
    // Dynamic imports name the compiled file, as TypeScript requires.
    '^(\\.{1,2}/.+/index)\\.js$': '$1',
    '^@atlas/cli/test/(.*)$': '<rootDir>/tools/atlas/test/$1',
    '^@atlas/cli/(.*)$': '<rootDir>/tools/atlas/src/$1',
    '^@atlas/(adapters|events|ports)/(.*)$': '<rootDir>/libs/$1/src/$2/index.ts',
    '^@atlas/testing/context$': '<rootDir>/libs/testing/context/src/index.ts',
    '^@atlas/([^/]+)$': '<rootDir>/libs/$1/src/index.ts',
  },
  globalSetup: '<rootDir>/tools/jest/global-setup.ts',
  globalTeardown: '<rootDir>/tools/jest/global-teardown.ts',
  testSequencer: '<rootDir>/tools/jest/slowest-first.cjs',
  testTimeout: 60_000,
};
