import type { Attempts, ConsumedRecord, RecordBatch } from '@atlas/ports/adapters';

/**
 * A batch that follows one of this process within this time needs no check: had another process started it meanwhile and
 * died, the group would not have reassigned the partition yet.
 */
const FOLLOWS_WITHIN_MS = 5_000;

/**
 * Detects a batch that processes start but never finish, because a record in it kills them. Only the first batch after a
 * start, an assignment, a failure or a pause is recorded: the record that killed an earlier process is in that one, as
 * its offset was not committed.
 */
export class CrashGuard {
  /** When this process last finished a batch, by partition. */
  private readonly finishedAt = new Map<string, number>();
  /** What this process started, did not finish and survived, by partition. */
  private readonly survived = new Map<string, Set<string>>();
  private readonly begun = new Set<string>();

  constructor(
    private readonly attempts: Attempts,
    private readonly consumer: string,
  ) {}

  /** @returns true if an earlier process started this batch and did not finish it. */
  async begin({ topic, partition, records }: RecordBatch): Promise<boolean> {
    const name = `${topic}/${partition}`;
    const [first] = records;
    const follows = performance.now() - (this.finishedAt.get(name) ?? -Infinity) < FOLLOWS_WITHIN_MS;
    if (!first || follows) return false;
    return (await this.take('batch', first)) > 1;
  }

  /** @returns how often the record was started on its own, including this time. */
  beginRecord(record: ConsumedRecord): Promise<number> {
    return this.take('record', record);
  }

  async end({ topic, partition }: RecordBatch): Promise<void> {
    const name = `${topic}/${partition}`;
    if (this.begun.delete(name)) await this.attempts.end(this.consumer, topic, partition);
    this.survived.delete(name);
    this.finishedAt.set(name, performance.now());
  }

  /** The batch failed but the process lives: no record killed it, and the database may be unavailable. */
  async failed({ topic, partition }: RecordBatch): Promise<void> {
    this.finishedAt.delete(`${topic}/${partition}`);
    await this.attempts.end(this.consumer, topic, partition).catch(() => undefined);
  }

  private async take(
    unit: 'batch' | 'record',
    { topic, partition, log, offset }: ConsumedRecord,
  ): Promise<number> {
    const name = `${topic}/${partition}`;
    const place = `${log} ${unit} ${offset}`;
    const survived = this.survived.get(name) ?? new Set();
    const attempts = await this.attempts.begin(
      this.consumer,
      { unit, topic, partition, log, offset },
      survived.has(place),
    );
    this.begun.add(name);
    // From now on, only its own death keeps this process from remembering that it survived.
    this.survived.set(name, survived.add(place));
    return attempts;
  }
}
