import { setTimeout as sleep } from 'node:timers/promises';
import { catalogue } from '@atlas/contracts';
import { topicOf } from '@atlas/events';
import type { EventLog, PartitionDescription } from '@atlas/ports/adapters';
import { Client, escapeIdentifier, escapeLiteral } from 'pg';
import { discardLetter, openLetters } from '@atlas/cli/commands/dlq';
import { positionsOf } from '@atlas/cli/consumer-positions';
import { DECLARATIONS } from '@atlas/cli/topology';
import type { Injections } from './injections';
import type { Condition, Direction } from './links';
import { persist } from './persist';
import { aboutOf, type Fault, type FaultKind } from './plan';
import { BROKER, DATABASE, databaseOf, linkOf } from './players';
import type { Stage } from './stage';

export interface Means {
  readonly stage: Stage;
  /** The event log, directly. */
  readonly log: EventLog;
  readonly injections: Injections;
}

/** How many events arrive once more. */
const COPIES = 50;
/**
 * Long against every timeout, and within what Atlas assumes of clocks. What a clock that is ahead makes due waits for as
 * long, and so does the campaign.
 */
export const CLOCK_JUMP_MS = 2 * 60_000;

/** Makes the fault happen, and mends it after its duration. @returns more about what was done, for people. */
export async function inflict(fault: Fault, means: Means): Promise<string> {
  return HOW[fault.kind](fault, means);
}

const HOW: Readonly<Record<FaultKind, (fault: Fault, means: Means) => Promise<string>>> = {
  kill: async ({ target }, { stage }) => {
    await stage.kill(target);
    return '';
  },
  stop: (fault, { stage }) =>
    during(
      fault,
      () => stage.stop(fault.target),
      () => stage.continue(fault.target),
    ),
  restart: async ({ target }, { stage }) => {
    await stage.restart(target);
    return '';
  },
  'broker-away': (fault, means) => onLinksTo(BROKER, fault, means, { refuse: true }),
  'broker-slow': (fault, means) => onLinksTo(BROKER, fault, means, { delayMs: slow(fault) }),
  'broker-disk-full': (fault, means) => withFullDisk(BROKER, fault, means),
  'database-away': (fault, means) => onLinksTo(DATABASE, fault, means, { refuse: true }),
  'database-slow': (fault, means) => onLinksTo(DATABASE, fault, means, { delayMs: slow(fault) }),
  'database-disk-full': (fault, means) => withFullDisk(DATABASE, fault, means),
  'network-cut': (fault, means) => onLinks([fault.target], fault, means, { hold: ['there', 'back'] }),
  'network-one-way': (fault, means) => {
    const [link = '', direction] = fault.target.split(' ');
    return onLinks([link], fault, means, { hold: [direction as Direction] });
  },
  'network-delay': (fault, means) => onLinks([fault.target], fault, means, { delayMs: slow(fault) }),
  'clock-jump': async (fault, { stage }) => {
    const jumpMs = Math.round((2 * fault.chance('jump') - 1) * CLOCK_JUMP_MS);
    await during(
      fault,
      () => stage.shiftClock(fault.target, jumpMs),
      () => stage.shiftClock(fault.target, 0),
    );
    return `by ${Math.round(jumpMs / 1_000)} s`;
  },
  'topic-reset': async ({ target }, { stage, injections, log }) => {
    const topic = topicOf(target);
    const publishing = stage.topology.links.filter((link) => link === linkOf(`${target}-relay`, BROKER));
    await stage.connect(publishing, { refuse: true });
    try {
      const positions = async (partitions: readonly PartitionDescription[]) => {
        const all = consumersOf(target).map((consumer) =>
          withDatabase(stage.adminUrl(databaseOf(consumer)), (client) =>
            positionsOf(consumer, client, partitions),
          ),
        );
        return (await Promise.all(all)).flat();
      };
      const records = await persist(() => injections.renew(topic, positions, () => stage.deleteTopic(topic)));
      await persist(() => log.ensureTopics(catalogue.topics.filter(({ name }) => name === topic)));
      return `${records} records`;
    } finally {
      await stage.connect(publishing, {});
    }
  },
  'database-restored': async ({ target }, { stage }) => {
    const database = databaseOf(target);
    const name = escapeIdentifier(database);
    const copy = escapeIdentifier(`${database}_copy`);
    const admin = stage.adminUrl('postgres');
    // The administrator may still connect, and no one else.
    await sql(admin, `ALTER DATABASE ${name} CONNECTION LIMIT 0`);
    await sql(admin, endSessions('datname', database));
    await sql(admin, `DROP DATABASE IF EXISTS ${copy}`);
    await persist(async () => {
      await sql(admin, endSessions('datname', database));
      await sql(admin, `CREATE DATABASE ${copy} TEMPLATE ${name} OWNER ${name}`);
    });
    await sql(admin, `DROP DATABASE ${name} WITH (FORCE)`);
    await sql(admin, `ALTER DATABASE ${copy} RENAME TO ${name}`);
    return 'as a copy of itself, in a new database';
  },
  'duplicate-delivery': async ({ target }, { injections }) =>
    `${await persist(() => injections.repeat(target, 'newest', COPIES))} events`,
  'late-delivery': async ({ target }, { injections }) =>
    `${await persist(() => injections.repeat(target, 'oldest', COPIES))} events`,
  poison: async ({ number, target, chance }, { injections }) => {
    const key = `poison-${number}`;
    const what = await persist(() => injections.poison(target, key, chance('poison')));
    for (const consumer of consumersOf(target)) {
      const letter = await persist(async () => {
        const found = (await openLetters(consumer)).find((each) => each.key === key);
        if (!found) throw new Error(`${consumer} has not set the record aside that is ${what}`);
        return found;
      });
      await persist(() => discardLetter(letter.name, aboutOf('poison')));
    }
    return what;
  },
  'rebalance-storm': async (fault, { stage }) => {
    const members = 1 + Math.round(fault.durationMs / 1_000);
    await Promise.all(
      Array.from({ length: members }, async (_, index) => {
        const end = await stage.replicate(fault.target);
        await sleep(fault.chance(`pause ${index}`) * 500);
        await end(fault.chance(`end ${index}`) < 0.5);
      }),
    );
    return `${members} more`;
  },
  'password-changed': async (fault, { stage }) => {
    const role = databaseOf(fault.target);
    const admin = stage.adminUrl(role);
    const change = (password: string) =>
      sql(admin, `ALTER ROLE ${escapeIdentifier(role)} PASSWORD ${escapeLiteral(password)}`);
    return during(
      fault,
      async () => {
        await change('changed');
        await sql(admin, endSessions('usename', role));
      },
      () => change(stage.passwordOf(role)),
    );
  },
};

/** Lets a fault last as long as it should, and mends it in any case. */
async function during(
  fault: Fault,
  begin: () => Promise<unknown>,
  mend: () => Promise<unknown>,
): Promise<string> {
  try {
    await begin();
    await sleep(fault.durationMs);
  } finally {
    await persist(mend);
  }
  return '';
}

const onLinks = (links: readonly string[], fault: Fault, { stage }: Means, condition: Condition) =>
  during(
    fault,
    () => stage.connect(links, condition),
    () => stage.connect(links, {}),
  );

const onLinksTo = (to: string, fault: Fault, means: Means, condition: Condition) =>
  onLinks(
    means.stage.topology.links.filter((link) => link.endsWith(`→${to}`)),
    fault,
    means,
    condition,
  );

/** Milliseconds. */
const slow = (fault: Fault): number => Math.round(20 + fault.chance('delay') * 180);

async function withFullDisk(
  of: typeof DATABASE | typeof BROKER,
  fault: Fault,
  { stage }: Means,
): Promise<string> {
  const free = await stage.fillDisk(of);
  await sleep(fault.durationMs);
  await free();
  return '';
}

const consumersOf = (context: string): readonly string[] =>
  DECLARATIONS.filter(({ topics }) => topics.consumes?.includes(topicOf(context))).map(({ name }) => name);

const endSessions = (column: 'datname' | 'usename', value: string): string =>
  `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
   WHERE ${column} = ${escapeLiteral(value)} AND pid <> pg_backend_pid()`;

/** Runs one statement as the administrator, as soon as the server lets it. */
const sql = (url: string, text: string): Promise<unknown> =>
  persist(() => withDatabase(url, (client) => client.query(text)));

async function withDatabase<T>(url: string, work: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 5_000, query_timeout: 30_000 });
  client.on('error', () => {}); // the query fails, too
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end().catch(() => {});
  }
}
