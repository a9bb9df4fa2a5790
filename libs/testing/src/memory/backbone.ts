import { encodeEvent, type EventEnvelope, type NewEvent, topicOf } from '@atlas/events';
import {
  type Attempt,
  Attempts,
  type ConsumedRecord,
  envelopeOf,
  type DeadLetter,
  type DeadLetterFilter,
  type DeadLetterResolution,
  DeadLetters,
  type IdempotencyKey,
  IdempotencyStore,
  type IdempotencyVerdict,
  Inbox,
  type LogPartition,
  Outbox,
  type PartitionDescription,
  type Position,
  PositionMovedError,
  Positions,
  type StoredAnswer,
  type StoredDeadLetter,
} from '@atlas/ports/adapters';
import type { Clock, IdGenerator } from '@atlas/ports/application';
import type { AnswerRow, MemoryDatabase } from './database';
import type { MemoryUnitOfWork } from './unit-of-work';

export class MemoryOutbox extends Outbox {
  constructor(
    private readonly unitOfWork: MemoryUnitOfWork,
    private readonly clock: Clock,
    private readonly ids: IdGenerator,
  ) {
    super();
  }

  async add(events: readonly NewEvent[]): Promise<void> {
    if (events.length === 0) return;
    const { current } = this.unitOfWork;
    for (const event of events) {
      const envelope = envelopeOf(event, this.ids.next(), this.clock.now());
      const topic = topicOf(event.contract.owner);
      current.insertOutbox(envelope, { topic, ...encodeEvent(event.contract, envelope) });
    }
  }

  /** The committed events, in order. */
  committed(): readonly EventEnvelope[] {
    return this.unitOfWork.database.outbox.map(({ event }) => event);
  }
}

export class MemoryInbox extends Inbox {
  constructor(private readonly unitOfWork: MemoryUnitOfWork) {
    super();
  }

  async admit(consumer: string, eventIds: readonly string[]): Promise<readonly string[]> {
    return this.unitOfWork.run(async () => {
      const { current, database } = this.unitOfWork;
      const admitted: string[] = [];
      for (const id of eventIds) {
        const row = `${consumer} ${id.toLowerCase()}`;
        await database.locks.acquire(`inbox ${row}`, current);
        if (current.get(database.inbox, row)) continue;
        current.set(database.inbox, row, Date.now());
        admitted.push(id);
      }
      return admitted;
    });
  }

  async handled(consumer: string, eventIds: readonly string[]): Promise<ReadonlySet<string>> {
    return this.unitOfWork.run(async () => {
      const { current, database } = this.unitOfWork;
      return new Set(
        eventIds.filter((id) => current.get(database.inbox, `${consumer} ${id.toLowerCase()}`) !== undefined),
      );
    });
  }

  async prune(consumer: string, ageMs: number, limit: number): Promise<number> {
    return this.unitOfWork.run(async () => {
      const { current, database } = this.unitOfWork;
      const old = [...database.inbox.committed]
        .filter(([row, at]) => row.startsWith(`${consumer} `) && at < Date.now() - ageMs)
        .slice(0, limit);
      for (const [row] of old) current.delete(database.inbox, row);
      return old.length;
    });
  }

  /** The number of events that `consumer` has handled. */
  count(consumer: string): number {
    const rows = [...this.unitOfWork.database.inbox.committed.keys()];
    return rows.filter((row) => row.startsWith(`${consumer} `)).length;
  }
}

/** As in PostgreSQL: the size of a page, apart from its first letter. */
const PAGE_BYTES = 16 * 1024 * 1024;

export class MemoryDeadLetters extends DeadLetters {
  constructor(private readonly unitOfWork: MemoryUnitOfWork) {
    super();
  }

  async add(consumer: string, letter: DeadLetter): Promise<boolean> {
    return this.unitOfWork.run(async () => {
      const { current, database } = this.unitOfWork;
      const key = `${consumer} ${identityOf(letter.record)}`;
      const before = current.get(database.deadLetters, key);
      if (before) return before.letter.resolution === undefined;
      const now = new Date();
      const stored = {
        ...letter,
        id: String((database.lastLetter += 1)),
        createdAt: now,
        triedAt: letter.attempts > 0 ? now : undefined,
        resolution: undefined,
        resolvedAt: undefined,
        note: undefined,
      };
      current.set(database.deadLetters, key, { consumer, letter: stored });
      return true;
    });
  }

  async blockedKeys(consumer: string, topic: string, keys: readonly string[]): Promise<ReadonlySet<string>> {
    return this.unitOfWork.run(async () => {
      const blocked = new Set<string>();
      for (const key of keys) {
        if (this.open(consumer).every(({ record }) => record.topic !== topic || record.key !== key)) continue;
        await this.lock(consumer, topic, key);
        if (this.open(consumer).some(({ record }) => record.topic === topic && record.key === key)) {
          blocked.add(key);
        }
      }
      return blocked;
    });
  }

  async list(
    consumer: string,
    { state, limit, after = '0' }: DeadLetterFilter,
  ): Promise<readonly StoredDeadLetter[]> {
    return this.unitOfWork.run(async () => {
      let bytes = 0;
      return (state === 'open' ? this.open(consumer) : this.all(consumer))
        .filter(({ id }) => Number(id) > Number(after))
        .sort((a, b) => Number(a.id) - Number(b.id))
        .slice(0, limit)
        .filter(({ record: { value } }) => {
          const before = bytes;
          bytes += value?.length ?? 0;
          return before < PAGE_BYTES;
        });
    });
  }

  async countOpen(consumer: string, limit: number): Promise<number> {
    return this.unitOfWork.run(async () => Math.min(this.open(consumer).length, limit));
  }

  async find(consumer: string, id: string): Promise<StoredDeadLetter | undefined> {
    return this.unitOfWork.run(async () => this.all(consumer).find((letter) => letter.id === id));
  }

  async lockFirst(consumer: string, { id, record }: StoredDeadLetter): Promise<StoredDeadLetter | undefined> {
    const { topic, key } = record;
    await this.lock(consumer, topic, key ?? `without key ${id}`);
    return this.open(consumer)
      .filter((letter) =>
        key === null ? letter.id === id : letter.record.topic === topic && letter.record.key === key,
      )
      .sort((a, b) => Number(a.id) - Number(b.id))[0];
  }

  async resolve(
    consumer: string,
    id: string,
    resolution: DeadLetterResolution,
    note?: string,
  ): Promise<void> {
    const now = new Date();
    await this.change(consumer, id, (letter) => ({
      ...letter,
      resolution,
      resolvedAt: now,
      note,
    }));
  }

  async tryAgain(consumer: string, id: string): Promise<void> {
    await this.change(consumer, id, (letter) => ({
      ...letter,
      attempts: letter.attempts + 1,
      triedAt: new Date(),
    }));
  }

  async failedAgain(
    consumer: string,
    id: string,
    { kind, reason }: Pick<DeadLetter, 'kind' | 'reason'>,
  ): Promise<boolean> {
    return this.change(consumer, id, (letter) => ({ ...letter, kind, reason }));
  }

  async prune(consumer: string, ageMs: number, limit: number): Promise<number> {
    return this.unitOfWork.run(async () => {
      const { current, database } = this.unitOfWork;
      const old = this.all(consumer)
        .filter(({ resolvedAt }) => resolvedAt !== undefined && resolvedAt.getTime() < Date.now() - ageMs)
        .slice(0, limit);
      for (const { record } of old) current.delete(database.deadLetters, `${consumer} ${identityOf(record)}`);
      return old.length;
    });
  }

  /** The committed dead letters of `consumer`, oldest first. */
  committed(consumer: string): readonly StoredDeadLetter[] {
    return lettersOf(consumer, this.unitOfWork.database.deadLetters.committed.values());
  }

  private all(consumer: string): StoredDeadLetter[] {
    const { current, database } = this.unitOfWork;
    return lettersOf(consumer, current.rows(database.deadLetters));
  }

  private open(consumer: string): StoredDeadLetter[] {
    return this.all(consumer).filter(({ resolution }) => resolution === undefined);
  }

  private async lock(consumer: string, topic: string, key: string): Promise<void> {
    const { current, database } = this.unitOfWork;
    await database.locks.acquire(`dead letters ${consumer} ${topic} ${key}`, current);
  }

  private async change(
    consumer: string,
    id: string,
    change: (letter: StoredDeadLetter) => StoredDeadLetter,
  ): Promise<boolean> {
    return this.unitOfWork.run(async () => {
      const { current, database } = this.unitOfWork;
      const letter = this.open(consumer).find((open) => open.id === id);
      if (!letter) return false;
      const key = `${consumer} ${identityOf(letter.record)}`;
      current.set(database.deadLetters, key, { consumer, letter: change(letter) });
      return true;
    });
  }
}

/** Differs for different records, even if a log uses an offset twice. */
const identityOf = ({ value, ...record }: ConsumedRecord): string =>
  JSON.stringify([record, value?.toString('base64')]);

const lettersOf = (
  consumer: string,
  rows: Iterable<{ consumer: string; letter: StoredDeadLetter }>,
): StoredDeadLetter[] => [...rows].filter((row) => row.consumer === consumer).map((row) => row.letter);

export class MemoryPositions extends Positions {
  constructor(private readonly unitOfWork: MemoryUnitOfWork) {
    super();
  }

  async open(consumer: string, partitions: readonly PartitionDescription[]): Promise<readonly number[]> {
    return this.unitOfWork.run(async () => {
      const positions: number[] = [];
      for (const place of partitions) {
        const next = (await this.lock(consumer, place)) ?? place.start;
        this.store(consumer, place, next);
        positions.push(next);
      }
      return positions;
    });
  }

  async move(consumer: string, place: LogPartition, from: number, to: number): Promise<void> {
    if ((await this.lock(consumer, place)) !== from) throw new PositionMovedError(consumer, place, from);
    this.store(consumer, place, to);
  }

  async set(consumer: string, place: LogPartition, next: number): Promise<void> {
    await this.unitOfWork.run(async () => {
      await this.lock(consumer, place);
      this.store(consumer, place, next);
    });
  }

  async list(consumer: string): Promise<readonly Position[]> {
    return this.unitOfWork.run(async () => {
      const { current, database } = this.unitOfWork;
      return current
        .rows(database.positions)
        .filter((row) => row.consumer === consumer)
        .sort((a, b) => (a.topic < b.topic ? -1 : a.topic > b.topic ? 1 : a.partition - b.partition))
        .map(({ topic, partition, log, next, movedAt }) => ({ topic, partition, log, next, movedAt }));
    });
  }

  private async lock(consumer: string, place: LogPartition): Promise<number | undefined> {
    const { current, database } = this.unitOfWork;
    const row = rowOf(consumer, place);
    await database.locks.acquire(`position ${row}`, current);
    return current.get(database.positions, row)?.next;
  }

  private store(consumer: string, { topic, partition, log }: LogPartition, next: number): void {
    const { current, database } = this.unitOfWork;
    const row = { consumer, topic, partition, log, next, movedAt: new Date() };
    current.set(database.positions, rowOf(consumer, row), row);
  }
}

const rowOf = (consumer: string, { topic, partition, log }: LogPartition) =>
  `${consumer} ${topic}/${partition} ${log}`;

export class MemoryAttempts extends Attempts {
  constructor(private readonly database: MemoryDatabase) {
    super();
  }

  async begin(
    consumer: string,
    { unit, topic, partition, log, offset }: Attempt,
    anew = false,
  ): Promise<number> {
    const name = `${consumer} ${topic}/${partition} ${log} ${unit}@${offset}`;
    const attempts = anew ? 1 : (this.database.attempts.get(name) ?? 0) + 1;
    this.database.attempts.set(name, attempts);
    return attempts;
  }

  async end(consumer: string, topic: string, partition: number): Promise<void> {
    for (const name of this.database.attempts.keys()) {
      if (name.startsWith(`${consumer} ${topic}/${partition} `)) this.database.attempts.delete(name);
    }
  }
}

export class MemoryIdempotencyStore extends IdempotencyStore {
  constructor(
    private readonly unitOfWork: MemoryUnitOfWork,
    private readonly clock: Clock,
  ) {
    super();
  }

  async claim({ scope, key, fingerprint }: IdempotencyKey): Promise<IdempotencyVerdict> {
    return this.unitOfWork.run(async () => {
      const { current, database } = this.unitOfWork;
      const name = `${scope} ${key}`;
      if (!database.locks.tryAcquire(`idempotency ${name}`, current)) return { state: 'in-flight' };
      const row = current.get(database.idempotencyKeys, name);
      if (!row || row.expiresAt <= this.clock.now().getTime()) return { state: 'new' };
      if (row.fingerprint !== fingerprint) return { state: 'other-request' };
      const body: unknown = row.body === undefined ? undefined : JSON.parse(row.body);
      return { state: 'answered', answer: { status: row.status, headers: row.headers, body } };
    });
  }

  async store(
    { scope, key, fingerprint }: IdempotencyKey,
    answer: StoredAnswer,
    ttlMs: number,
  ): Promise<void> {
    await this.unitOfWork.run(async () => {
      const { current, database } = this.unitOfWork;
      const { status, headers, body } = answer;
      const row: AnswerRow = {
        fingerprint,
        status,
        headers,
        body: JSON.stringify(body),
        expiresAt: this.clock.now().getTime() + ttlMs,
      };
      current.set(database.idempotencyKeys, `${scope} ${key}`, row);
    });
  }

  async prune(limit: number): Promise<number> {
    return this.unitOfWork.run(async () => {
      const { current, database } = this.unitOfWork;
      const now = this.clock.now().getTime();
      const over = [...database.idempotencyKeys.committed]
        .filter(
          ([name, row]) => row.expiresAt <= now && database.locks.tryAcquire(`idempotency ${name}`, current),
        )
        .slice(0, limit);
      for (const [name] of over) current.delete(database.idempotencyKeys, name);
      return over.length;
    });
  }
}
