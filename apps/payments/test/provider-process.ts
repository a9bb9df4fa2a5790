import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createTestDatabase, eventually, freePort, type TestDatabase } from '@atlas/testing';
import { Client } from 'pg';

export interface ProviderCharge {
  readonly id: string;
  readonly declined: string | null;
  readonly refund_id: string | null;
}

/** The real provider: a process with its own database, which can be killed and started again. */
export class ProviderProcess {
  private child: ChildProcess | undefined;

  private constructor(
    private readonly database: TestDatabase,
    private readonly port: number,
    private readonly books: Client,
  ) {}

  static async start(): Promise<ProviderProcess> {
    const database = await createTestDatabase();
    const books = new Client({ connectionString: database.url });
    await books.connect();
    const provider = new ProviderProcess(database, await freePort(), books);
    await provider.startAgain();
    return provider;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  async startAgain(): Promise<void> {
    this.child = fork('apps/payment-provider/src/main.ts', {
      // Not all of this process's: the provider would refuse the settings of policies that it does not have.
      env: {
        PATH: process.env['PATH'],
        PORT: String(this.port),
        DATABASE_URL: this.database.url,
        LOG_LEVEL: 'fatal',
      },
      execArgv: ['--require', join(process.cwd(), 'tools/jest/run-typescript.cjs')],
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    await eventually(async () => (await fetch(`${this.url}/health/ready`)).ok);
  }

  /** SIGSTOP: as if it hung, until SIGCONT. */
  signal(name: 'SIGSTOP' | 'SIGCONT'): void {
    this.child?.kill(name);
  }

  async kill(): Promise<void> {
    const { child } = this;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }

  async setFaults(...faults: readonly object[]): Promise<void> {
    const answer = await fetch(`${this.url}/faults`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ seed: 7, faults }),
    });
    if (!answer.ok) throw new Error(await answer.text());
  }

  /** How many requests each fault was injected into. */
  async injected(): Promise<readonly number[]> {
    const { injected } = (await (await fetch(`${this.url}/faults`)).json()) as { injected: number[] };
    return injected;
  }

  async clearFaults(): Promise<void> {
    await fetch(`${this.url}/faults`, { method: 'DELETE' });
  }

  /** Straight from its books, whatever its API does. */
  async chargesOf(reference: string): Promise<readonly ProviderCharge[]> {
    const { rows } = await this.books.query<ProviderCharge>(
      `SELECT charge.id, declined, refund.id AS refund_id FROM charge LEFT JOIN refund ON charge_id = charge.id
       WHERE reference = $1 ORDER BY charge.created_at`,
      [reference],
    );
    return rows;
  }

  /** Minor units that it has taken and not given back. */
  async holds(reference?: string): Promise<number> {
    const { rows } = await this.books.query<{ held: string }>(
      `SELECT coalesce(sum(CASE kind WHEN 'charge' THEN amount ELSE -amount END), 0) AS held FROM book_entry
       WHERE reference = coalesce($1, reference)`,
      [reference],
    );
    return Number(rows[0]?.held);
  }

  async charge(reference: string, key: string, minorUnits: number): Promise<string> {
    const answer = await fetch(`${this.url}/charges`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'idempotency-key': key },
      body: JSON.stringify({ reference, amount: { minorUnits, currency: 'EUR' }, source: 'tok_approve' }),
    });
    return ((await answer.json()) as { id: string }).id;
  }

  async refund(chargeId: string): Promise<void> {
    await fetch(`${this.url}/charges/${chargeId}/refunds`, {
      method: 'POST',
      headers: { 'idempotency-key': `${chargeId}:test` },
    });
  }

  /** Holds the key of this payment's charge, as a request does while it is worked on. @returns how to let it go. */
  async workOn(key: string): Promise<() => Promise<void>> {
    const lock = (action: string) =>
      this.books.query(`SELECT pg_advisory_${action}(hashtextextended('charge ' || $1, 0))`, [key]);
    await lock('lock');
    return async () => void (await lock('unlock'));
  }

  async end(): Promise<void> {
    await this.kill();
    await this.books.end();
    await this.database.drop();
  }
}
