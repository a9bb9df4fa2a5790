import type { Attempts, ConsumedRecord, RecordBatch } from '@atlas/ports/adapters';

/**
 * What follows a batch that this process finished so shortly before needs no look back: had another process begun it
 * meanwhile and died, the group would not have given it back yet.
 */
const FOLLOWS_WITHIN_MS = 5_000;

/**
 * Notices a batch that processes begin and never end, because a record in it ends them. Only the first batch after a
 * start, an assignment, a failure or a pause is taken down: what killed an earlier process is in that one, as its
 * offset was not committed.
 */
export class CrashGuard {
  /** By partition: when this process last finished a batch. */
  private readonly finishedAt = new Map<string, number>();
  /** By partition: what this process began there and did not end, which it has survived. */
  private readonly survived = new Map<string, Set<string>>();
  private readonly begun = new Set<string>();

  constructor(
    private readonly attempts: Attempts,
    private readonly consumer: string,
  ) {}

  /** @returns true if an earlier process began this batch and did not come to its end. */
  async begin({ topic, partition, records }: RecordBatch): Promise<boolean> {
    const name = `${topic}/${partition}`;
    const [first] = records;
    const follows = performance.now() - (this.finishedAt.get(name) ?? -Infinity) < FOLLOWS_WITHIN_MS;
    if (!first || follows) return false;
    return (await this.take('batch', first)) > 1;
  }

  /** @returns how often the record was begun by itself, this time included. */
  beginRecord(record: ConsumedRecord): Promise<number> {
    return this.take('record', record);
  }

  async end({ topic, partition }: RecordBatch): Promise<void> {
    const name = `${topic}/${partition}`;
    if (this.begun.delete(name)) await this.attempts.end(this.consumer, topic, partition);
    this.survived.delete(name);
    this.finishedAt.set(name, performance.now());
  }

  /** It failed, but the process lives: that is not the record's fault, and may well be the database's, which is away. */
  async failed({ topic, partition }: RecordBatch): Promise<void> {
    this.finishedAt.delete(`${topic}/${partition}`);
    await this.attempts.end(this.consumer, topic, partition).catch(() => undefined);
  }

  private async take(
    unit: 'batch' | 'record',
    { topic, partition, offset }: ConsumedRecord,
  ): Promise<number> {
    const name = `${topic}/${partition}`;
    const place = `${unit} ${offset}`;
    const survived = this.survived.get(name) ?? new Set();
    const attempts = await this.attempts.begin(
      this.consumer,
      { unit, topic, partition, offset },
      survived.has(place),
    );
    this.begun.add(name);
    // From here on, only the end of the process keeps this one from knowing better.
    this.survived.set(name, survived.add(place));
    return attempts;
  }
}
