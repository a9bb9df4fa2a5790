import { readdirSync, readFileSync } from 'node:fs';

/** The lowest score of each app; one that isn't listed may have any. */
const LEAST = JSON.parse(readFileSync(new URL('apps.json', import.meta.url), 'utf8'));

const apps = readdirSync(new URL('../../apps', import.meta.url));

/**
 * What is mutated, by area, and which suites must notice. `least`: the lowest score that passes, percent of mutants that
 * a test detects; raise it when the score rises.
 */
const context = (name) => ({
  name,
  least: LEAST[name] ?? 0,
  mutate: [`apps/${name}/src/{domain,application}/**/*.ts`],
  // Without a database: what domain and application promise is tested on the ports in memory.
  tests: [`apps/${name}/src/**/*.spec.ts`],
});

const library = (name, least, { folder = 'src', ...more } = {}) => ({
  name: folder === 'src' ? name : `${name}/${folder.split('/').at(-1)}`,
  least,
  mutate: [`libs/${name}/${folder}/**/*.ts`],
  tests: [`libs/${name}/${folder}/**/*.spec.ts`],
  ...more,
});

export const areas = [
  ...apps.map(context),
  library('kernel', 98),
  library('events', 0),
  library('resilience', 0),
  library('service', 0, { folder: 'src/events' }),
  {
    name: 'postgres/stores',
    least: 0,
    mutate: [
      'libs/adapters/src/postgres/{aggregate-store,append-store,attempts,dead-letters,entity-table}.ts',
      'libs/adapters/src/postgres/{idempotency-store,inbox,outbox,unit-of-work}.ts',
    ],
    tests: ['libs/adapters/src/postgres/{aggregate-store,backbone,entity-table,unit-of-work}.spec.ts'],
  },
  {
    name: 'postgres/outbox-source',
    least: 0,
    mutate: ['libs/adapters/src/postgres/{outbox-cursor,outbox-source}.ts'],
    tests: ['libs/adapters/src/postgres/outbox-*.spec.ts'],
  },
  {
    name: 'repositories',
    least: 0,
    mutate: ['apps/*/src/adapters/driven/postgres/*.ts'],
    tests: ['apps/*/test/ports.spec.ts'],
  },
];

/** Test code that stands among what is mutated, and SQL that runs once. */
export const NEVER = ['!**/*.spec.ts', '!**/*.contract.ts', '!**/*.fixture.ts', '!**/{test,migrations}/**'];
