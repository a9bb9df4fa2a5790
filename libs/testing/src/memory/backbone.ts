import { encodeEvent, type EventEnvelope, type NewEvent } from '@atlas/contracts';
import {
  type Clock,
  envelopeOf,
  type DeadLetter,
  DeadLetters,
  type IdempotencyKey,
  IdempotencyStore,
  type IdempotencyVerdict,
  type IdGenerator,
  Inbox,
  Outbox,
  type StoredAnswer,
} from '@atlas/ports';
import type { AnswerRow } from './database';
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
    const transaction = this.unitOfWork.current;
    const added = events.map((event) => this.complete(event));
    transaction.whenCommitted(() => this.unitOfWork.database.outbox.push(...added));
  }

  /** The committed events, in order. */
  committed(): readonly EventEnvelope[] {
    return this.unitOfWork.database.outbox;
  }

  private complete(event: NewEvent): EventEnvelope {
    const envelope = envelopeOf(event, this.ids.next(), this.clock.now());
    encodeEvent(event.contract, envelope);
    return envelope;
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
        current.set(database.inbox, row, true);
        admitted.push(id);
      }
      return admitted;
    });
  }

  /** How many events `consumer` has handled. */
  handled(consumer: string): number {
    const rows = [...this.unitOfWork.database.inbox.committed.keys()];
    return rows.filter((row) => row.startsWith(`${consumer} `)).length;
  }
}

export class MemoryDeadLetters extends DeadLetters {
  constructor(private readonly unitOfWork: MemoryUnitOfWork) {
    super();
  }

  async add(consumer: string, letter: DeadLetter): Promise<void> {
    await this.unitOfWork.run(async () => {
      const { current, database } = this.unitOfWork;
      const { topic, partition, offset } = letter.record;
      const key = `${consumer} ${topic}/${partition}@${offset}`;
      if (!current.get(database.deadLetters, key))
        current.set(database.deadLetters, key, { consumer, letter });
    });
  }

  async blockedKeys(consumer: string, topic: string, keys: readonly string[]): Promise<ReadonlySet<string>> {
    return this.unitOfWork.run(async () => {
      const { current, database } = this.unitOfWork;
      const letters = lettersOf(consumer, current.rows(database.deadLetters));
      const blocked = new Set(
        letters.filter(({ record }) => record.topic === topic).map(({ record }) => record.key),
      );
      return new Set(keys.filter((key) => blocked.has(key)));
    });
  }

  /** The committed dead letters of `consumer`, in the order in which they were added. */
  committed(consumer: string): readonly DeadLetter[] {
    return lettersOf(consumer, this.unitOfWork.database.deadLetters.committed.values());
  }
}

const lettersOf = (
  consumer: string,
  rows: Iterable<{ consumer: string; letter: DeadLetter }>,
): DeadLetter[] => [...rows].filter((row) => row.consumer === consumer).map((row) => row.letter);

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
}
