import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KafkaEventLog } from '@atlas/adapters/kafka';
import { type KafkaContainer, startKafka } from '@atlas/adapters/kafka/test';
import { type PostgresContainer, startPostgres } from '@atlas/adapters/postgres/test';
import { type SeededRandom, eventually, freePort } from '@atlas/testing';
import { Client } from 'pg';
import { audit, type AuditReport, isDrained } from '@atlas/cli/audit/audit';
import { AtlasClient } from '../src/client';
import { Log } from '@atlas/cli/log';
import { ManagedProcess, type ProcessSpec } from '@atlas/cli/managed-process';
import { signal } from '@atlas/cli/process-identity';
import { load, type LoadResult } from '../src/load/load';
import {
  DATABASES,
  DECLARATIONS,
  DEFAULT_PORTS,
  EVENT_LOG_DATABASE,
  GRACE_MS,
  processes,
  SERVICES,
} from '@atlas/cli/topology';

const NODE_FLAGS = ['--max-old-space-size=256', '--max-semi-space-size=8'];
const PATIENCE_MS = 300_000;
/** The group waits 10 s for a killed member; one that is killed often leaves little time between. */
const STUCK_AFTER_MS = 150_000;
const CONCURRENCY = 8;

/** All services and relays as processes, on Kafka and PostgreSQL in containers. A process that ends is started again. */
export class KafkaPlatform {
  private readonly output: string[] = [];
  private readonly extra: ManagedProcess[] = [];
  private running: readonly ManagedProcess[] = [];

  private constructor(
    readonly kafka: KafkaContainer,
    readonly postgres: PostgresContainer,
    readonly log: KafkaEventLog,
    private readonly specs: readonly ProcessSpec[],
  ) {}

  static async start(): Promise<KafkaPlatform> {
    const [kafka, postgres] = await Promise.all([startKafka(), startPostgres()]);
    for (const name of DATABASES) await onServer(postgres.url, `CREATE DATABASE ${name}`);
    const ports = new Map<string, number>();
    for (const name of DEFAULT_PORTS.keys()) ports.set(name, await freePort());
    const urlOf = (name: string) =>
      name === EVENT_LOG_DATABASE ? `kafka://${kafka.brokers.join()}` : databaseOn(postgres.url, name);
    const platform = new KafkaPlatform(
      kafka,
      postgres,
      await KafkaEventLog.open({ brokers: kafka.brokers, clientId: 'test' }),
      processes(ports, urlOf, { LOG_LEVEL: 'warn' }),
    );
    await platform.startProcesses();
    return platform;
  }

  /** The last of what its processes have said. */
  get words(): string {
    return this.output.slice(-100).join('');
  }

  databaseUrl(name: string): string {
    return databaseOn(this.postgres.url, name);
  }

  async query<Row extends object>(service: string, sql: string): Promise<Row[]> {
    return onServer<Row>(this.databaseUrl(service), sql);
  }

  async startProcesses(): Promise<void> {
    this.running = this.specs.map((spec) => this.manage(spec));
    await Promise.all(this.running.map((one) => one.untilReady()));
  }

  async stopProcesses(): Promise<void> {
    await Promise.all([...this.running, ...this.extra].map((one) => one.stop(GRACE_MS)));
    this.extra.length = 0;
  }

  /** Starts another replica of the service. */
  async join(service: string): Promise<ManagedProcess> {
    const spec = this.specs.find(({ name }) => name === service) as ProcessSpec;
    const port = await freePort();
    const replica = this.manage({ ...spec, port, env: { ...spec.env, PORT: String(port) } });
    this.extra.push(replica);
    await replica.untilReady();
    return replica;
  }

  /** Kills the process of that name with SIGKILL; it is started again, which {@link untilReady} waits for. */
  kill(name: string): void {
    const identity = this.one(name).process;
    if (identity) signal(identity, 'SIGKILL');
  }

  async untilReady(name: string): Promise<void> {
    const { url } = this.one(name);
    await eventually(async () => (await fetch(`${url}/health/ready`)).ok, PATIENCE_MS);
  }

  get names(): readonly string[] {
    return this.specs.filter(({ kind }) => kind !== 'outside').map(({ name }) => name);
  }

  /** Orders of made-up baskets, placed and settled; some are declined, and some find too little stock. */
  async order(baskets: number, random: SeededRandom): Promise<LoadResult> {
    const folder = await mkdtemp(join(tmpdir(), 'atlas-baskets-'));
    const file = join(folder, 'baskets.csv');
    const basket = () =>
      Array.from({ length: random.whole(1, 5) }, () => `item ${random.whole(1, 20)}`).join(',');
    await writeFile(file, Array.from({ length: baskets }, () => `${basket()}\n`).join(''));
    const client = new AtlasClient(Object.fromEntries(SERVICES.map((name) => [name, this.one(name).url])), {
      connections: CONCURRENCY,
      patienceMs: PATIENCE_MS,
      signal: AbortSignal.timeout(2 * PATIENCE_MS),
    });
    try {
      return await load(
        client,
        { file, concurrency: CONCURRENCY, stockRatio: 0.95, declineRate: 0.05, stuckAfterMs: STUCK_AFTER_MS },
        { update: () => undefined },
      );
    } finally {
      await client.close();
      await rm(folder, { recursive: true });
    }
  }

  /** Discards all open dead letters of the service. */
  async discardLetters(service: string): Promise<void> {
    const open = await this.query<{ id: string }>(
      service,
      'SELECT id FROM dead_letter WHERE resolution IS NULL',
    );
    for (const { id } of open) {
      const response = await fetch(`${this.one(service).url}/dead-letters/${id}/discard`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ reason: 'made by a test' }),
      });
      if (!response.ok) throw new Error(`Discarding ${service}/${id}: ${await response.text()}`);
    }
  }

  /** Waits until every event has arrived everywhere. */
  async drained(): Promise<AuditReport> {
    return eventually(async () => {
      const report = await audit({
        databases: Object.fromEntries(
          DECLARATIONS.flatMap(({ name, database }) =>
            database ? [[name, this.databaseUrl(database)] as const] : [],
          ),
        ),
        eventLog: this.log,
      });
      return isDrained(report) && report;
    }, PATIENCE_MS);
  }

  async remove(): Promise<void> {
    await this.stopProcesses();
    await this.log.close();
    await Promise.all([this.kafka.remove(), this.postgres.remove()]);
  }

  private one(name: string): ManagedProcess {
    return this.running.find(({ spec }) => spec.name === name) as ManagedProcess;
  }

  private manage(spec: ProcessSpec): ManagedProcess {
    const log = new Log({ write: (text) => this.output.push(text), json: false, colour: false });
    const one = new ManagedProcess(spec, log, NODE_FLAGS, () => undefined);
    one.start();
    return one;
  }
}

function databaseOn(server: string, name: string): string {
  const url = new URL(server);
  url.pathname = `/${name}`;
  return url.href;
}

async function onServer<Row extends object>(url: string, sql: string): Promise<Row[]> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 5_000 });
  await client.connect();
  try {
    return (await client.query<Row>(sql)).rows;
  } finally {
    await client.end();
  }
}
