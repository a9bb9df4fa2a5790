import { connectDatabase, PostgresOutboxSource } from '@atlas/adapters/postgres';
import { createTestDatabase } from '@atlas/testing';
import Table from 'cli-table3';
import { Command } from 'commander';
import { machine, median, say } from './figures';
import { type Backlog, measureBacklog } from './relay/backlog';
import { EVENT_BYTES, SERVICE } from './relay/events';
import { type Latency, measureLatency } from './relay/latency';
import { measureThroughput, type Throughput } from './relay/throughput';
import { openLog, type Stack, startStack } from './stack';

interface Options {
  readonly kafka?: string;
  readonly postgres?: string;
  readonly rows: string;
  readonly rounds: string;
  readonly batch: string;
  readonly seconds: string;
  readonly only?: string;
  readonly backlog: string;
  readonly json?: boolean;
}

const RATES = [200, 1_000];
const BACKLOGS = [1_000, 10_000, 100_000, 1_000_000, 5_000_000];

async function main(): Promise<void> {
  const options = new Command('bench:relay')
    .description('Measures the relay on Kafka and PostgreSQL, started in containers unless URLs are given.')
    .option('--kafka <url>', 'kafka://host:port of existing brokers')
    .option('--postgres <url>', 'postgres://user:password@host:port/postgres of an existing server')
    .option('--rows <n>', 'rows waiting in the outbox', '100000')
    .option('--rounds <n>', 'measured rounds of each contender', '5')
    .option('--batch <n>', 'maximum rows per transaction on the log', '2000')
    .option('--seconds <n>', 'duration of each latency measurement', '30')
    .option(
      '--backlog <n>',
      'the most rows that wait for a relay that starts; filling in 5000000 takes minutes',
      '100000',
    )
    .option('--only <part>', 'throughput, latency or backlog')
    .option('--json', 'print the figures as JSON on stdout')
    .parse()
    .opts<Options>();
  const on = machine();
  say(`${on.cores} × ${on.processor}, load ${on.load}; starting the servers`);
  const stack = await startStack(options);
  const does = (part: string) => options.only === undefined || options.only === part;
  try {
    const database = await migrated(stack.postgres);
    await startAnew(stack, database);
    const throughput = !does('throughput')
      ? undefined
      : await measureThroughput(stack, {
          rows: Number(options.rows),
          rounds: Number(options.rounds),
          batchRows: Number(options.batch),
          database,
          rowByRowDatabase: await migrated(stack.postgres),
        });
    const latencies = !does('latency')
      ? []
      : await measureLatency(stack, RATES, {
          seconds: Number(options.seconds),
          database,
          consumerDatabase: await migrated(stack.postgres),
        });
    const backlogs = !does('backlog')
      ? []
      : await measureBacklog(stack, {
          sizes: BACKLOGS.filter((rows) => rows <= Number(options.backlog)),
          batchRows: Number(options.batch),
          database,
        });
    const figures = { machine: on, ...(throughput && summary(throughput)), latencies, backlogs };
    process.stdout.write(
      options.json
        ? `${JSON.stringify(figures, undefined, 2)}\n`
        : `${throughput ? describeThroughput(throughput) : ''}${latencies.length > 0 ? describeLatencies(latencies) : ''}` +
            (backlogs.length > 0 ? describeBacklogs(backlogs) : ''),
    );
  } finally {
    await stack.stop();
  }
}

/** A new database with the tables that every service has. */
async function migrated(server: string): Promise<string> {
  const { url } = await createTestDatabase(server);
  await (await connectDatabase({ url })).destroy();
  return url;
}

/** Brokers that were used before have the cursor of another database. */
async function startAnew(stack: Stack, url: string): Promise<void> {
  const log = await openLog(stack);
  const source = new PostgresOutboxSource({ url });
  await source.acquire(AbortSignal.timeout(30_000));
  const session = await log.openPublisher(SERVICE);
  await session.publish([], await source.adopt(undefined, undefined));
  await session.close();
  await source.close();
  await log.close();
}

const summary = ({ relay, client, rowByRow, publisher }: Throughput) => ({
  eventBytes: EVENT_BYTES,
  rounds: { relay, client, rowByRow, publisher },
  relay: median(relay),
  client: median(client),
  rowByRow: median(rowByRow),
  publisher: median(publisher),
  relayToClient: median(relay) / median(client),
  relayToRowByRow: median(relay) / median(rowByRow),
  relayToPublisher: median(relay) / median(publisher),
});

const whole = (value: number) => Math.round(value).toLocaleString('en');

function describeThroughput(throughput: Throughput): string {
  const { relay, client, rowByRow, publisher, ...ratios } = summary(throughput);
  const table = new Table({
    head: [`${EVENT_BYTES}-byte events`, 'events/s', 'rounds'],
    style: { head: [], border: [], compact: true },
    colAligns: ['left', 'right', 'left'],
  });
  table.push(
    ['a  outbox → topic, exactly once', whole(relay), throughput.relay.map(whole).join(' ')],
    ['b  kafkajs alone, from memory', whole(client), throughput.client.map(whole).join(' ')],
    ['c  row by row, as in tutorials', whole(rowByRow), throughput.rowByRow.map(whole).join(' ')],
    [
      "d  the relay's adapter alone, from memory",
      whole(publisher),
      throughput.publisher.map(whole).join(' '),
    ],
  );
  return (
    `${table.toString()}\n` +
    `a / b = ${(ratios.relayToClient * 100).toFixed(0)} %\na / c = ${ratios.relayToRowByRow.toFixed(0)}\n` +
    `a / d = ${(ratios.relayToPublisher * 100).toFixed(0)} %\n`
  );
}

function describeLatencies(latencies: readonly Latency[]): string {
  const table = new Table({
    head: ['commit → handled, ms', 'p50', 'p95', 'p99', 'max', 'from when the write was due'],
    style: { head: [], border: [], compact: true },
    colAligns: ['left', 'right', 'right', 'right', 'right', 'left'],
  });
  for (const { rate, committed, due } of latencies) {
    table.push([
      `e  ${rate} events/s`,
      ...[committed.p50, committed.p95, committed.p99, committed.max].map((ms) => ms.toFixed(1)),
      `p50 ${due.p50.toFixed(1)}, p99 ${due.p99.toFixed(1)}, max ${due.max.toFixed(1)}`,
    ]);
  }
  return `${table.toString()}\n`;
}

function describeBacklogs(backlogs: readonly Backlog[]): string {
  const table = new Table({
    head: ['rows waiting at the start', 'first page, s', 'events/s after it', 'memory, MiB'],
    style: { head: [], border: [], compact: true },
    colAligns: ['right', 'right', 'right', 'right'],
  });
  for (const { rows, first, rate, memoryMiB } of backlogs) {
    table.push([whole(rows), first.toFixed(2), rate === undefined ? '–' : whole(rate), whole(memoryMiB)]);
  }
  return `${table.toString()}\n`;
}

void main();
