import { FencedError, type OutgoingRecord, type PublisherSession } from '@atlas/ports/adapters';
import { isRefusal, type LogDatabase, type Query } from './database';
import { partitionOf } from './partition-of';

/** Yields the ids of a topic's partitions, by number. */
export type PartitionIds = (topic: string) => Promise<readonly number[]>;

interface Placed {
  readonly partitionId: number;
  readonly record: OutgoingRecord;
}

/** What one statement may carry, in bytes of values. */
const STATEMENT_BYTES = 16 * 1024 * 1024;

export class EmbeddedPublisher implements PublisherSession {
  private queue: Promise<void> = Promise.resolve();
  private failure: Error | undefined;

  private constructor(
    private readonly database: LogDatabase,
    private readonly partitionIds: PartitionIds,
    private readonly source: string,
    private readonly epoch: number,
    readonly cursor: string | undefined,
  ) {}

  /** Waits for a publish of the former publisher that is being committed, and then fences it. */
  static async open(
    database: LogDatabase,
    partitionIds: PartitionIds,
    source: string,
  ): Promise<EmbeddedPublisher> {
    const [row] = await database.query<{ epoch: number; cursor: string | null }>(
      `INSERT INTO publisher (source, epoch) VALUES ($1, 1)
       ON CONFLICT (source) DO UPDATE SET epoch = publisher.epoch + 1
       RETURNING epoch, cursor`,
      [source],
    );
    if (!row) throw new Error(`No publisher was made for "${source}"`);
    return new EmbeddedPublisher(database, partitionIds, source, row.epoch, row.cursor ?? undefined);
  }

  /**
   * Calls that overlap are done one after the other. If the connection breaks, nobody knows whether the records are
   * there: this and every later call throw, and opening the publisher again tells by its cursor.
   */
  publish(records: readonly OutgoingRecord[], cursor: string): Promise<void> {
    const publishing = this.queue.then(() => this.append(records, cursor));
    this.queue = publishing.catch(() => undefined);
    return publishing;
  }

  async close(): Promise<void> {
    await this.queue;
    this.failure ??= new Error(`The publisher of "${this.source}" is closed`);
  }

  private async append(records: readonly OutgoingRecord[], cursor: string): Promise<void> {
    if (this.failure) throw this.failure;
    const [first = [], ...rest] = statements(await this.place(records));
    let done: boolean;
    try {
      done =
        rest.length === 0
          ? await this.appendOn((sql, values) => this.database.query(sql, values, 'append'), first, cursor)
          : await this.database.transaction(async (query) => {
              for (const part of [first, ...rest]) {
                if (!(await this.appendOn(query, part, cursor))) return false;
              }
              return true;
            });
    } catch (error) {
      if (!isRefusal(error)) {
        this.failure = new Error(
          `It is unknown whether the last records of "${this.source}" were published: open the publisher again`,
          { cause: error },
        );
      }
      throw error;
    }
    if (!done) throw (this.failure = new FencedError(this.source));
  }

  /** In the order of partitions; within each, as given. @throws Error if a topic is not there. */
  private async place(records: readonly OutgoingRecord[]): Promise<Placed[]> {
    const placed: Placed[] = [];
    for (const record of records) {
      const ids = await this.partitionIds(record.topic);
      placed.push({ partitionId: ids[partitionOf(record.key, ids.length)] as number, record });
    }
    return placed.sort((a, b) => a.partitionId - b.partitionId);
  }

  /** Yields false if this publisher has been deposed. */
  private async appendOn(query: Query, placed: readonly Placed[], cursor: string): Promise<boolean> {
    const counts = new Map<number, number>();
    for (const { partitionId } of placed) counts.set(partitionId, (counts.get(partitionId) ?? 0) + 1);
    const [row] = await query<{ done: boolean }>(
      'SELECT append_records($1, $2, $3, $4, $5, $6, $7, $8) AS done',
      [
        this.source,
        this.epoch,
        cursor,
        [...counts.keys()],
        [...counts.values()],
        placed.map(({ record }) => record.key),
        placed.map(({ record }) => JSON.stringify(record.headers)),
        placed.map(({ record }) => record.value),
      ],
    );
    return row?.done ?? false;
  }
}

/** Splits what is too large for one statement. */
function statements(placed: readonly Placed[]): Placed[][] {
  const parts: Placed[][] = [];
  let bytes = Infinity;
  for (const each of placed) {
    const size = each.record.value.length;
    if (bytes + size > STATEMENT_BYTES) {
      parts.push([]);
      bytes = 0;
    }
    parts.at(-1)?.push(each);
    bytes += size;
  }
  return parts;
}
