import { FencedError, type OutgoingRecord, partitionOf, type PublisherSession } from '@atlas/ports/adapters';
import { isRefusal, type LogDatabase, type Query } from './database';

/** Returns the ids of a topic's partitions, by number. */
export type PartitionIds = (topic: string) => Promise<readonly number[]>;

interface Placed {
  readonly partitionId: number;
  readonly record: OutgoingRecord;
}

/** Maximum size of a statement's values, bytes. */
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

  /** Waits for a commit in progress of the previous publisher, then fences it. */
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
    if (!row) throw new Error(`The publisher for "${source}" could not be created`);
    return new EmbeddedPublisher(database, partitionIds, source, row.epoch, row.cursor ?? undefined);
  }

  /**
   * Overlapping calls run one after the other. If the connection breaks, it is unknown whether the records were
   * committed: this and every later call throw, and the cursor of a reopened publisher shows the outcome.
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
          `It is unknown whether the last records of "${this.source}" were published: reopen the publisher`,
          { cause: error },
        );
      }
      throw error;
    }
    if (!done) throw (this.failure = new FencedError(this.source));
  }

  /** Groups the records by partition, in the given order. @throws Error if a topic doesn't exist. */
  private async place(records: readonly OutgoingRecord[]): Promise<Placed[]> {
    const placed: Placed[] = [];
    for (const record of records) {
      const ids = await this.partitionIds(record.topic);
      placed.push({ partitionId: ids[partitionOf(record.key, ids.length)] as number, record });
    }
    return placed.sort((a, b) => a.partitionId - b.partitionId);
  }

  /** Returns false if this publisher has been deposed. */
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

/** Splits records that are too large for one statement. */
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
