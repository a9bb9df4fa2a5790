// Mutation tests of one area; `npm run test:mutations` runs this for each, see docs/tests.md.
import { areas, NEVER } from './tools/mutations/areas.mjs';

const name = process.env.MUTATION_AREA;
const area = areas.find((each) => each.name === name);
if (!area) throw new Error(`MUTATION_AREA must be one of ${areas.map((each) => each.name).join(', ')}`);

const file = name.replaceAll('/', '-');

/** The folder before the first wildcard. */
const folderOf = (glob) => glob.replace(/\/[^/]*[*{].*$/, '');

/** @type {import('@stryker-mutator/api/core').PartialStrykerOptions} */
export default {
  testRunner: 'jest',
  plugins: ['@stryker-mutator/jest-runner', './tools/mutations/ignore-texts.mjs'],
  ignorers: ['texts'],
  mutate: [...area.mutate, ...NEVER],
  jest: {
    configFile: 'jest.config.mjs',
    config: {
      testMatch: area.tests.map((glob) => `<rootDir>/${glob}`),
      // Jest starts anew for each mutant: looking for suites elsewhere would take most of the time.
      roots: [...new Set(area.tests.map((glob) => `<rootDir>/${folderOf(glob)}`))],
    },
  },
  testRunnerNodeArgs: ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning'],
  coverageAnalysis: 'perTest',
  incremental: true,
  incrementalFile: `.stryker/${file}.incremental.json`,
  tempDirName: '.stryker/sandboxes',
  ignorePatterns: ['dist', 'dist.new', '.nx', '.atlas', '.stryker', 'coverage', 'docs', 'deploy'],
  // swc strips the types anyway.
  disableTypeChecks: false,
  concurrency: 2,
  timeoutMS: 6_000,
  timeoutFactor: 3,
  dryRunTimeoutMinutes: 5,
  reporters: ['clear-text', 'json', 'html'],
  clearTextReporter: {
    allowColor: false,
    allowEmojis: false,
    logTests: false,
    reportTests: false,
    reportScoreTable: false,
  },
  jsonReporter: { fileName: `.stryker/${file}.json` },
  htmlReporter: { fileName: `.stryker/${file}.html` },
  thresholds: { high: 95, low: area.least, break: area.least },
  allowEmpty: true,
};
