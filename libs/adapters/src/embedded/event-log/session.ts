import { setTimeout } from 'node:timers/promises';
import { ExponentialBackoff } from 'cockatiel';
import { Client } from 'pg';
import { connectionConfig } from './database';
import { GROUPS_CHANNEL, MEMBER_LOCK, RECORDS_CHANNEL } from './schema';

export interface SessionListener {
  /** The partition has new records. */
  onRecords(partitionId: number): void;
  /** The group's members or partition owners have changed. */
  onGroupChange(group: string): void;
  /** The session is (re)connected; notifications may have been missed. */
  onConnected(): void;
}

interface Connection {
  readonly client: Client;
  /** Resolves when the session has ended. */
  readonly lost: Promise<void>;
}

/**
 * One connection per process, open for the process's lifetime: it receives notifications, and its locks tell the other
 * members of a group that this process is alive. The server releases them with the connection, immediately when the
 * process is killed. Unlike looking up a backend in `pg_stat_activity`, this needs no privileges and isn't fooled by
 * reused process ids.
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

  /** False while the server is unavailable: the locks are gone, and other processes may consider the members dead. */
  get isConnected(): boolean {
    return this.client !== undefined;
  }

  /** Keeps the member alive from now on, across reconnections. Resolves once it is. */
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

/** Shared, so that a new connection doesn't wait for an old one that the server hasn't closed yet. */
const lock = (client: Client, memberId: number) =>
  client.query('SELECT pg_advisory_lock_shared($1, $2)', [MEMBER_LOCK, memberId]);
