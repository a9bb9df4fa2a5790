import { openEventLog } from '@atlas/adapters/event-log';
import type { PartitionDescription } from '@atlas/ports/adapters';
import Table from 'cli-table3';
import { Client } from 'pg';
import { type ConsumerPosition, positionsOf, setPosition } from '../consumer-positions';
import { connect } from '../platform';
import { SERVICES } from '../topology';
import { UserError } from '../user-error';

interface Common {
  readonly json?: boolean;
}

/** Shows where each consumer is. @returns the exit code: 1 if one stands still because of a gap. */
export async function runList({ json }: Common): Promise<number> {
  const partitions = await describeLog();
  const positions: ConsumerPosition[] = [];
  for (const service of SERVICES) {
    positions.push(...(await inDatabaseOf(service, (client) => positionsOf(service, client, partitions))));
  }
  const gaps = positions.filter(({ gap }) => gap !== undefined);
  process.stdout.write(json ? `${JSON.stringify(positions, undefined, 2)}\n` : describe(positions, gaps));
  return gaps.length === 0 ? 0 : 1;
}

/** Sets a consumer's position in a partition, whether it is running or not. */
export async function runSet({ json }: Common, service: string, place: string, to: string): Promise<number> {
  if (!SERVICES.includes(service)) {
    throw new UserError(`There is no service "${service}": there are ${SERVICES.join(', ')}`);
  }
  const partition = (await describeLog()).find((each) => nameOf(each) === place);
  if (!partition) {
    throw new UserError(
      `There is no partition "${place}": "npx atlas positions list" shows those with a position`,
    );
  }
  const offset = offsetOf(to, partition);
  const isSet = await inDatabaseOf(service, (client) =>
    setPosition(client, { consumer: service, ...partition }, offset),
  );
  if (!isSet) throw new UserError(`"${service}" has no position in ${place}: it does not read it`);
  process.stdout.write(
    json
      ? `${JSON.stringify({ service, ...partition, position: offset }, undefined, 2)}\n`
      : `"${service}" continues in ${place} at offset ${offset}: a running one with its next batch, or within seconds if it ` +
          'stands still there. Events that its inbox knows have no effect again.\n',
  );
  return 0;
}

function offsetOf(to: string, partition: PartitionDescription): number {
  const { start, end } = partition;
  if (to === 'oldest') return start;
  if (to === 'newest') return end;
  const offset = Number(to);
  if (/^\d+$/.test(to) && offset >= start && offset <= end) return offset;
  throw new UserError(
    `"${to}" is no offset of ${nameOf(partition)}: give one from ${start} to ${end}, "oldest" or "newest"`,
  );
}

const nameOf = ({ topic, partition }: PartitionDescription): string => `${topic}/${partition}`;

function describe(positions: readonly ConsumerPosition[], gaps: readonly ConsumerPosition[]): string {
  const table = new Table({
    head: ['consumer', 'partition', 'position', 'oldest', 'end', 'behind'],
    colAligns: ['left', 'left', 'right', 'right', 'right', 'right'],
    style: { head: [], border: [], compact: true },
  });
  for (const each of positions) {
    const { consumer, position, start, end } = each;
    table.push([consumer, nameOf(each), position, start, end, Math.max(0, end - position)]);
  }
  const sentences = gaps.map(
    (each) => `${each.consumer} ← ${nameOf(each)} ${each.gap}. See docs/positions.md\n`,
  );
  return `${table.toString()}\n${sentences.join('')}`;
}

async function describeLog(): Promise<readonly PartitionDescription[]> {
  const { eventLog } = await connect();
  const log = await openEventLog('atlas', eventLog, (error) =>
    process.stderr.write(`the event log: ${String(error)}\n`),
  );
  try {
    return await log.describe();
  } finally {
    await log.close();
  }
}

async function inDatabaseOf<T>(service: string, work: (client: Client) => Promise<T>): Promise<T> {
  const { databases } = await connect();
  const client = new Client({ connectionString: databases[service] });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
