import { setTimeout } from 'node:timers/promises';
import { ExponentialBackoff } from 'cockatiel';
import { Client } from 'pg';
import { connectionConfig } from './database';
import { GROUPS_CHANNEL, MEMBER_LOCK, RECORDS_CHANNEL } from './schema';

export interface SessionListener {
  /** The partition has new records. */
  onRecords(partitionId: number): void;
  /** The group's members or the owners of its partitions changed. */
  onGroupChange(group: string): void;
  /** The session is there (again); what happened without it was not heard. */
  onConnected(): void;
}

interface Connection {
  readonly client: Client;
  /** Resolves when it has ended. */
  readonly lost: Promise<void>;
}

/**
 * One connection per process that lives as long as the process does: it hears of news, and the locks that it holds
 * tell the other members of a group that this process is alive. The server drops them with the connection, at once
 * when the process is killed. Unlike a look at `pg_stat_activity` by process id, that needs no privileges and can't
 * mistake a backend for another.
 */
export class LogSession {
  private readonly members = new Set<number>();
  private readonly closing = new AbortController();
  private readonly running: Promise<void>;
  private client: Client | undefined;
  private connected = Promise.withResolvers<Connection>();

  constructor(
    private readonly url: string,
    private readonly listener: SessionListener,
    private readonly report: (error: unknown) => void,
  ) {
    this.running = this.run();
  }

  /** False while the server is away: the locks are gone, and the others may take the members for dead. */
  get isConnected(): boolean {
    return this.client !== undefined;
  }

  /** Shows the member as alive from now on, also across reconnections. Resolves when it is so. */
  async hold(memberId: number): Promise<void> {
    this.members.add(memberId);
    while (!this.closing.signal.aborted) {
      const { client, lost } = await this.connected.promise;
      try {
        await lock(client, memberId);
        return;
      } catch (error) {
        this.report(error);
        client.end().catch(() => undefined);
        await lost;
      }
    }
  }

  async drop(memberId: number): Promise<void> {
    this.members.delete(memberId);
    await this.client
      ?.query('SELECT pg_advisory_unlock_shared($1, $2)', [MEMBER_LOCK, memberId])
      .catch(this.report);
  }

  async close(): Promise<void> {
    this.closing.abort();
    await this.client?.end().catch(this.report);
    await this.running;
  }

  private async run(): Promise<void> {
    const { signal } = this.closing;
    const backoff = new ExponentialBackoff({ initialDelay: 50, maxDelay: 2_000 });
    let pause = backoff.next();
    while (!signal.aborted) {
      const client = new Client(connectionConfig(this.url));
      const lost = new Promise<void>((resolve) =>
        client.once('end', () => {
          if (this.client === client) {
            this.client = undefined;
            this.connected = Promise.withResolvers();
          }
          resolve();
        }),
      );
      client.on('error', this.report);
      client.on('notification', ({ channel, payload }) => {
        if (channel === RECORDS_CHANNEL) this.listener.onRecords(Number(payload));
        else this.listener.onGroupChange(payload ?? '');
      });
      try {
        await client.connect();
        await client.query(`LISTEN ${RECORDS_CHANNEL}; LISTEN ${GROUPS_CHANNEL}`);
        for (const memberId of this.members) await lock(client, memberId);
        this.client = client;
        this.connected.resolve({ client, lost });
        if (signal.aborted) await client.end();
        else this.listener.onConnected();
        pause = backoff.next();
        await lost;
      } catch (error) {
        this.report(error);
        client.end().catch(() => undefined);
      }
      await setTimeout(pause.duration, undefined, { signal }).catch(() => undefined);
      pause = pause.next(undefined);
    }
  }
}

/** Shared, so that a new connection never waits for an old one that the server hasn't given up yet. */
const lock = (client: Client, memberId: number) =>
  client.query('SELECT pg_advisory_lock_shared($1, $2)', [MEMBER_LOCK, memberId]);
