import type {
  DeadLetter,
  DeadLetterFilter,
  DeadLetters,
  Inbox,
  StoredDeadLetter,
  UnitOfWork,
} from '@atlas/ports/adapters';
import { type BatchProcessor, isDatabaseAway, type Reading, reasonOf } from './batch-processor';

/** The outcome of a replay. */
export type Replay =
  | { readonly state: 'unknown' }
  | { readonly state: 'resolved'; readonly letter: StoredDeadLetter }
  /** An earlier letter of the same key must be resolved before it. */
  | { readonly state: 'behind'; readonly first: string }
  | {
      readonly state: 'done';
      /** The letter and those that were parked behind it, in order. */
      readonly replayed: readonly string[];
      /** Where it stopped: this letter and those behind it stay open. */
      readonly failed: FailedReplay | undefined;
    };

export interface FailedReplay {
  readonly id: string;
  readonly reason: string;
}

export type Discard =
  | { readonly state: 'unknown' }
  | { readonly state: 'resolved' | 'discarded'; readonly letter: StoredDeadLetter };

export interface DeadLetterServicePorts {
  readonly unitOfWork: UnitOfWork;
  readonly inbox: Inbox;
  readonly deadLetters: DeadLetters;
  readonly batches: Pick<BatchProcessor, 'read' | 'redelivering'>;
}

/** What operators can do with the dead letters of one consumer. */
export class DeadLetterService {
  private connected: DeadLetterServicePorts | undefined;

  constructor(private readonly consumer: string) {}

  /** Must be called before any other method: the controller needs this service before the ports exist. */
  connect(ports: DeadLetterServicePorts): void {
    this.connected = ports;
  }

  list(filter: DeadLetterFilter): Promise<readonly StoredDeadLetter[]> {
    return this.ports.deadLetters.list(this.consumer, filter);
  }

  find(id: string): Promise<StoredDeadLetter | undefined> {
    return this.ports.deadLetters.find(this.consumer, id);
  }

  /**
   * Handles the record, then those that were parked behind it, until one fails or none is left. Each has its own unit of
   * work, which locks the letter against the consumer, so that no newer event of the key overtakes it.
   */
  async replay(id: string): Promise<Replay> {
    const asked = await this.find(id);
    if (!asked) return { state: 'unknown' };
    if (asked.resolution) return { state: 'resolved', letter: asked };
    let next = await this.firstOf(asked);
    if (next?.id !== id) {
      // Another operator may have been faster.
      const now = (await this.find(id)) ?? asked;
      if (!next || now.resolution) return { state: 'resolved', letter: now };
      return { state: 'behind', first: next.id };
    }
    const replayed: string[] = [];
    for (; next; next = await this.firstOf(asked)) {
      const outcome = await this.handle(next);
      if (typeof outcome === 'object') return { state: 'done', replayed, failed: outcome };
      if (outcome === 'handled') replayed.push(next.id);
    }
    return { state: 'done', replayed, failed: undefined };
  }

  /** Closes a letter whose record must never be handled, even if redelivered; the letters behind it stay open. */
  async discard(id: string, reason: string): Promise<Discard> {
    const letter = await this.find(id);
    if (!letter) return { state: 'unknown' };
    if (letter.resolution) return { state: 'resolved', letter };
    const { unitOfWork, inbox, deadLetters, batches } = this.ports;
    const { id: eventId } = batches.read(letter.record);
    await unitOfWork.run(async () => {
      await deadLetters.resolve(this.consumer, id, 'discarded', reason);
      if (eventId !== undefined) await inbox.admit(this.consumer, [eventId]);
    });
    const discarded = (await this.find(id)) ?? letter;
    return { state: discarded.resolution === 'discarded' ? 'discarded' : 'resolved', letter: discarded };
  }

  /** @returns undefined if no letter of the key is open. */
  private firstOf(letter: StoredDeadLetter): Promise<StoredDeadLetter | undefined> {
    const { unitOfWork, deadLetters } = this.ports;
    return unitOfWork.run(() => deadLetters.lockFirst(this.consumer, letter));
  }

  /** @returns 'gone' if someone else resolved the letter. */
  private async handle(letter: StoredDeadLetter): Promise<'handled' | 'gone' | FailedReplay> {
    const { unitOfWork, deadLetters, batches } = this.ports;
    const { id, record } = letter;
    const reading = batches.read(record);
    if (reading.refusal && !(await this.wasHandled(reading))) return this.failed(id, reading.refusal);
    // In its own transaction, and before the handler starts, because that may kill the process.
    if (reading.event) await deadLetters.tryAgain(this.consumer, id);
    try {
      return await batches.redelivering(async (handle) => {
        if ((await deadLetters.lockFirst(this.consumer, letter))?.id !== id) return 'gone';
        await handle(record, reading);
        await deadLetters.resolve(this.consumer, id, 'replayed');
        return 'handled';
      });
    } catch (error) {
      if (await isDatabaseAway(error, unitOfWork)) throw error;
      return this.failed(id, { kind: 'handler-failed', reason: reasonOf(error) });
    }
  }

  /** By a process that could read it: a newer one, before it was rolled back. */
  private async wasHandled({ id }: Reading): Promise<boolean> {
    return id !== undefined && (await this.ports.inbox.handled(this.consumer, [id])).size > 0;
  }

  private async failed(
    id: string,
    { kind, reason }: Pick<DeadLetter, 'kind' | 'reason'>,
  ): Promise<'gone' | FailedReplay> {
    const isOpen = await this.ports.deadLetters.failedAgain(this.consumer, id, { kind, reason });
    return isOpen ? { id, reason } : 'gone';
  }

  private get ports(): DeadLetterServicePorts {
    if (!this.connected) throw new Error('DeadLetterService.connect has not been called');
    return this.connected;
  }
}
