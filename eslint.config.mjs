import { createProjectGraphAsync } from '@nx/devkit';
import nx from '@nx/eslint-plugin';
import prettier from 'eslint-config-prettier';
import tseslint from 'typescript-eslint';

// The rule for module boundaries reads the project graph from a cache, which an Nx task has made just before. ESLint
// by itself must make it: without it the rule would pass everything.
if (process.env.NX_TASK_TARGET_PROJECT === undefined) await createProjectGraphAsync({ exitOnError: false });

/** The contexts, and the one from which others are generated. */
const CONTEXT = '{apps/*,tools/template}';

/** What every room of a context may import; anything else fails the build. Arrows point inwards. */
const room = (files, message, ...allowed) => ({
  files,
  rules: {
    'no-restricted-imports': ['error', { patterns: [{ regex: `^(?!(?:${allowed.join('|')})$)`, message }] }],
  },
});

/** The layers that projects may depend on, by their tags. */
const layer = (name, ...allowed) => ({
  sourceTag: `layer:${name}`,
  onlyDependOnLibsWithTags: allowed.map((each) => `layer:${each}`),
});

const PLATFORM = ['kernel', 'events', 'context', 'ports', 'adapters', 'resilience', 'service', 'testing'];

/** What a room must not import. */
const closed = (files, message, ...refused) => ({
  files,
  ignores: ['**/*.spec.ts'],
  rules: {
    'no-restricted-imports': ['error', { patterns: [{ regex: refused.join('|'), message }] }],
  },
});

export default tseslint.config(
  { ignores: ['**/node_modules/**', 'dist/**', '.nx/**', '.atlas/**', '.stryker/**', 'coverage/**'] },
  ...tseslint.configs.recommendedTypeChecked.map((config) => ({ ...config, files: ['**/*.ts'] })),
  {
    files: ['**/*.ts'],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports' }],
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
      '@typescript-eslint/require-await': 'off',
      eqeqeq: 'error',
    },
  },
  {
    files: ['**/*.ts', '**/*.mjs'],
    plugins: { '@nx': nx },
    rules: {
      '@nx/enforce-module-boundaries': [
        'error',
        {
          allow: [],
          // The platform knows no business: only apps and tools may depend on libs/contracts.
          depConstraints: [
            layer('kernel'),
            layer('events', 'kernel'),
            layer('ports', 'kernel', 'events'),
            layer('testing', 'kernel', 'events', 'ports'),
            layer('adapters', 'kernel', 'events', 'ports', 'resilience', 'testing'),
            layer('resilience', 'kernel', 'events', 'ports', 'testing'),
            layer('service', 'kernel', 'events', 'ports', 'resilience', 'testing'),
            layer('testing-context', 'events', 'ports', 'service', 'testing'),
            layer('another-business', ...PLATFORM, 'testing-context'),
            layer('template', ...PLATFORM, 'testing-context'),
            // What a context says of itself: its declaration and its audit.
            layer('context'),
            layer('contracts', 'kernel', 'events'),
            layer('app', ...PLATFORM, 'testing-context', 'contracts'),
            layer('tools', ...PLATFORM, 'testing-context', 'contracts'),
            // What adds the verbs of the business to the atlas command.
            layer('verbs', ...PLATFORM, 'testing-context', 'contracts', 'tools'),
          ],
        },
      ],
    },
  },
  {
    // The simulation is the one place where all contexts run in one process.
    files: ['tools/simulate/**/*.ts'],
    rules: { '@nx/enforce-module-boundaries': 'off' },
  },
  {
    // The site shows what "atlas compare" reads from the code, by the same function.
    files: ['tools/docs/src/**/*.ts'],
    rules: { '@nx/enforce-module-boundaries': 'off' },
  },
  {
    files: [`libs/{${PLATFORM.join()}}/**/*.ts`, 'tools/another-business/**/*.ts'],
    rules: {
      'no-restricted-imports': [
        'error',
        {
          patterns: [
            {
              regex: '^@atlas/contracts|(^|/)(contracts/src|apps)/',
              message: 'The platform knows no business: it is handed a catalogue of events.',
            },
          ],
        },
      ],
    },
  },
  {
    files: [`${CONTEXT}/src/{domain,application}/**/*.ts`],
    ignores: ['**/*.spec.ts'],
    rules: {
      'no-restricted-properties': [
        'error',
        {
          object: 'Math',
          property: 'random',
          message: 'Ask the port Random, so that tests can repeat a run.',
        },
        { object: 'Date', property: 'now', message: 'Ask the port Clock, so that tests can set the time.' },
      ],
      'no-restricted-syntax': [
        'error',
        {
          selector: "NewExpression[callee.name='Date'][arguments.length=0]",
          message: 'Ask the port Clock, so that tests can set the time.',
        },
      ],
    },
  },
  room(
    [`${CONTEXT}/src/domain/**/*.ts`],
    'domain imports libs/kernel and itself, nothing else.',
    '@atlas/kernel',
    '\\./[^/]+',
  ),
  room(
    [`${CONTEXT}/src/application/ports.ts`],
    'ports.ts imports domain, libs/kernel and the ports that an application may see, nothing else.',
    '@atlas/kernel',
    '@atlas/ports/application',
    '\\.\\./domain/[^/]+',
  ),
  room(
    ['apps/outbox-relay/src/application/ports.ts'],
    "the relay's ports are the platform's own.",
    '@atlas/ports/(?:adapters|application)',
  ),
  room(
    [`${CONTEXT}/src/application/{commands,queries}/*.ts`],
    'a command or query imports domain, ports.ts, libs/kernel and the ports that an application may see, nothing else.',
    '@atlas/kernel',
    '@atlas/ports/application',
    '\\.\\./ports',
    '\\.\\./\\.\\./domain/[^/]+',
  ),
  // Tests of these rooms may use the test tools too.
  room(
    [`${CONTEXT}/src/{domain,application}/**/*.spec.ts`],
    'tests of domain and application import what they test, libs/kernel, libs/ports, libs/testing and fast-check.',
    '@atlas/(?:kernel|testing|ports/application)',
    'fast-check',
    '\\./[^/]+',
    '\\.\\./ports',
    '(?:\\.\\./)+domain/[^/]+',
    '\\.\\./queries/[^/]+',
    '(?:\\.\\./)+adapters/driven/memory/[^/]+',
  ),
  closed(
    [`${CONTEXT}/src/adapters/driving/**/*.ts`],
    'a driving adapter calls commands and queries; it knows no driven adapter, driver or module.',
    '/driven/',
    '\\.module$',
    '^@atlas/(?:adapters|ports/adapters)',
    '^(?:typeorm|pg|kafkajs|ioredis|minio|undici)$',
  ),
  closed(
    [`${CONTEXT}/src/adapters/driven/**/*.ts`],
    "a driven adapter serves the application's ports; it knows no command, query, driving adapter or module.",
    '/driving/',
    '/application/(?:commands|queries)/',
    '\\.module$',
    '^@nestjs/',
  ),
  {
    files: ['**/*.spec.ts', '**/test/**/*.ts'],
    rules: {
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/unbound-method': 'off',
    },
  },
  prettier,
);
