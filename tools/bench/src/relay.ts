import { connectDatabase } from '@atlas/adapters/postgres';
import { createTestDatabase } from '@atlas/testing';
import Table from 'cli-table3';
import { Command } from 'commander';
import { machine, median, say } from './figures';
import { EVENT_BYTES } from './relay/events';
import { type Latency, measureLatency } from './relay/latency';
import { measureThroughput, type Throughput } from './relay/throughput';
import { startStack } from './stack';

interface Options {
  readonly kafka?: string;
  readonly postgres?: string;
  readonly rows: string;
  readonly rounds: string;
  readonly batch: string;
  readonly seconds: string;
  readonly only?: string;
  readonly json?: boolean;
}

const RATES = [200, 1_000];

async function main(): Promise<void> {
  const options = new Command('bench:relay')
    .description('Measures the relay on Kafka and PostgreSQL, started in containers unless URLs are given.')
    .option('--kafka <url>', 'kafka://host:port of existing brokers')
    .option('--postgres <url>', 'postgres://user:password@host:port/postgres of an existing server')
    .option('--rows <n>', 'rows waiting in the outbox', '100000')
    .option('--rounds <n>', 'measured rounds of each contender', '5')
    .option('--batch <n>', 'maximum rows per transaction on the log', '2000')
    .option('--seconds <n>', 'duration of each latency measurement', '30')
    .option('--only <part>', 'throughput or latency')
    .option('--json', 'print the figures as JSON on stdout')
    .parse()
    .opts<Options>();
  const on = machine();
  say(`${on.cores} × ${on.processor}, load ${on.load}; starting the servers`);
  const stack = await startStack(options);
  try {
    const throughput =
      options.only === 'latency'
        ? undefined
        : await measureThroughput(stack, {
            rows: Number(options.rows),
            rounds: Number(options.rounds),
            batchRows: Number(options.batch),
            database: await migrated(stack.postgres),
            rowByRowDatabase: await migrated(stack.postgres),
          });
    const latencies =
      options.only === 'throughput'
        ? []
        : await measureLatency(stack, RATES, {
            seconds: Number(options.seconds),
            database: await migrated(stack.postgres),
            consumerDatabase: await migrated(stack.postgres),
          });
    const figures = { machine: on, ...(throughput && summary(throughput)), latencies };
    process.stdout.write(
      options.json
        ? `${JSON.stringify(figures, undefined, 2)}\n`
        : `${throughput ? describeThroughput(throughput) : ''}${latencies.length > 0 ? describeLatencies(latencies) : ''}`,
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

void main();
