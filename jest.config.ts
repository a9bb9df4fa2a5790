import { readFileSync } from 'node:fs';
import type { Config } from 'jest';

interface SwcOptions {
  exclude?: unknown;
  jsc: Record<string, unknown>;
}

const { exclude: _, ...swc } = JSON.parse(readFileSync(`${__dirname}/.swcrc`, 'utf8')) as SwcOptions;

const config: Config = {
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
    '^@atlas/adapters/(.*)$': '<rootDir>/libs/adapters/src/$1/index.ts',
    '^@atlas/([^/]+)$': '<rootDir>/libs/$1/src/index.ts',
  },
  globalSetup: '<rootDir>/tools/jest/global-setup.ts',
  globalTeardown: '<rootDir>/tools/jest/global-teardown.ts',
  testTimeout: 60_000,
};

export default config;
