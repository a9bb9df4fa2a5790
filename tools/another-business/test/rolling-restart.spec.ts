import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { createTestDatabase, eventually, type TestDatabase } from '@atlas/testing';
import { Client } from 'pg';
import { Agent, request } from 'undici';

const ROOT = process.cwd();
const CLIENTS = 8;
/** How long a client takes to notice a change of a replica's readiness. */
const PROBE_MS = 50;

jest.setTimeout(120_000);

/** A replica of the service as a process, with its state as known to a load balancer. */
class Replica {
  url: string | undefined;
  ready = false;
  private child: ChildProcess | undefined;

  constructor(private readonly env: Readonly<Record<string, string>>) {}

  async start(): Promise<void> {
    const child = spawn(
      process.execPath,
      ['--require', join(ROOT, 'tools/jest/run-typescript.cjs'), join(__dirname, 'lending.main.ts')],
      { env: { ...process.env, ...this.env }, stdio: ['ignore', 'pipe', 'inherit'] },
    );
    this.child = child;
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
    this.url = await eventually(() => output.match(/lending is ready at (http:[^,]+),/)?.[1]);
    await eventually(() => this.probe());
  }

  async probe(): Promise<boolean> {
    const answer = this.url && (await fetch(`${this.url}/health/ready`).catch(() => undefined));
    await (answer && answer.arrayBuffer());
    return (this.ready = answer ? answer.ok : false);
  }

  /** @returns its exit code. */
  async stop(): Promise<number | null> {
    const { child } = this;
    if (!child) return null;
    child.kill('SIGTERM');
    const [code] = (await once(child, 'exit')) as [number | null];
    return code;
  }

  kill(): void {
    this.child?.kill('SIGKILL');
  }
}

describe('A rolling restart under load', () => {
  let databases: TestDatabase[];
  let replicas: Replica[];
  let agent: Agent;

  beforeAll(async () => {
    databases = [await createTestDatabase(), await createTestDatabase()];
    const env = {
      PORT: '0',
      DATABASE_URL: databases[0]!.url,
      EVENT_LOG_URL: databases[1]!.url,
      LOG_LEVEL: 'info',
      DRAIN_MS: '500',
    };
    replicas = [new Replica(env), new Replica(env)];
    for (const replica of replicas) await replica.start();
    agent = new Agent({ connections: CLIENTS });
  });
  afterAll(async () => {
    for (const replica of replicas ?? []) replica.kill();
    await agent?.close();
    for (const database of databases ?? []) await database.drop();
  });

  it('answers every request, and has the effect of each once', async () => {
    const body = JSON.stringify({ memberId: 'ada', book: 'Middlemarch' });
    const outcomes: (number | string)[] = [];
    let running = true;
    const probes = (async () => {
      while (running) {
        await Promise.all(replicas.map((replica) => replica.probe()));
        await pause(PROBE_MS);
      }
    })();
    const client = async (number: number) => {
      for (let turn = number; running; turn++) {
        const able = replicas.filter((replica) => replica.ready);
        const target = able[turn % able.length];
        if (!target) throw new Error('No replica is ready');
        try {
          const answer = await request(`${target.url}/loans`, {
            dispatcher: agent,
            method: 'POST',
            headers: { 'content-type': 'application/json', 'idempotency-key': randomUUID() },
            body,
          });
          await answer.body.text();
          outcomes.push(answer.statusCode);
        } catch (error) {
          outcomes.push(String(error));
        }
      }
    };
    const clients = Array.from({ length: CLIENTS }, (_, number) => client(number));

    await eventually(() => outcomes.length > 100);
    const exits: (number | null)[] = [];
    for (const replica of replicas) {
      const before = outcomes.length;
      exits.push(await replica.stop());
      await replica.start();
      await eventually(() => outcomes.length > before + 100);
    }
    running = false;
    await Promise.all([...clients, probes]);

    expect(exits).toEqual([0, 0]);
    expect(new Set(outcomes)).toEqual(new Set([201]));
    const database = new Client({ connectionString: databases[0]!.url });
    await database.connect();
    const { rows } = await database.query(
      `SELECT (SELECT count(*)::integer FROM loan) AS loans, (SELECT count(*)::integer FROM outbox) AS events`,
    );
    await database.end();
    expect(rows).toEqual([{ loans: outcomes.length, events: outcomes.length }]);
  });
});
