import type {
  DeadLetter,
  DeadLetterFilter,
  DeadLetters,
  Inbox,
  StoredDeadLetter,
  UnitOfWork,
} from '@atlas/ports/adapters';
import type { DecodeEvent } from '@atlas/events';
import { isInfrastructureError } from '@atlas/resilience';
import type { EventLogServer } from './event-log-server';

/** What became of a replay. */
export type Replay =
  | { readonly state: 'unknown' }
  | { readonly state: 'resolved'; readonly letter: StoredDeadLetter }
  /** An earlier letter of the same key must be resolved before it. */
  | { readonly state: 'behind'; readonly first: string }
  | {
      readonly state: 'done';
      /** The letter and those that were parked behind it, in order. */
      readonly replayed: readonly string[];
      /** The one at which it stopped: it stays open, and those behind it. */
      readonly failed: FailedReplay | undefined;
    };

export interface FailedReplay {
  readonly id: string;
  readonly reason: string;
}

export type Discard =
  | { readonly state: 'unknown' }
  | { readonly state: 'resolved' | 'discarded'; readonly letter: StoredDeadLetter };

export interface DeskPorts {
  readonly unitOfWork: UnitOfWork;
  readonly inbox: Inbox;
  readonly deadLetters: DeadLetters;
  readonly server: Pick<EventLogServer, 'redeliver'>;
}

/** Where an operator decides about the dead letters of one consumer. */
export class DeadLetterService {
  private ports: DeskPorts | undefined;

  constructor(
    private readonly consumer: string,
    private readonly decode: DecodeEvent,
  ) {}

  open(ports: DeskPorts): void {
    this.ports = ports;
  }

  list(filter: DeadLetterFilter): Promise<readonly StoredDeadLetter[]> {
    return this.desk.deadLetters.list(this.consumer, filter);
  }

  find(id: string): Promise<StoredDeadLetter | undefined> {
    return this.desk.deadLetters.find(this.consumer, id);
  }

  /**
   * Handles the record after all, and then those that were parked behind it, until one fails or none is left: each in
   * a unit of work of its own, which holds the letter against the consumer, so that no newer event of the key gets
   * ahead of it.
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

  /** Ends a letter whose record will never be handled, also if it is delivered again; those behind it stay. */
  async discard(id: string, reason: string): Promise<Discard> {
    const letter = await this.find(id);
    if (!letter) return { state: 'unknown' };
    if (letter.resolution) return { state: 'resolved', letter };
    const { unitOfWork, inbox, deadLetters } = this.desk;
    const decoded = this.decode(letter.record);
    await unitOfWork.run(async () => {
      await deadLetters.resolve(this.consumer, id, 'discarded', reason);
      if (decoded.ok) await inbox.admit(this.consumer, [decoded.value.id]);
    });
    const discarded = (await this.find(id)) ?? letter;
    return { state: discarded.resolution === 'discarded' ? 'discarded' : 'resolved', letter: discarded };
  }

  /** @returns undefined if no letter of the key is open any more. */
  private firstOf(letter: StoredDeadLetter): Promise<StoredDeadLetter | undefined> {
    const { unitOfWork, deadLetters } = this.desk;
    return unitOfWork.run(() => deadLetters.lockFirst(this.consumer, letter));
  }

  /** @returns 'gone' if others have resolved the letter. */
  private async handle(letter: StoredDeadLetter): Promise<'handled' | 'gone' | FailedReplay> {
    const { unitOfWork, deadLetters, server } = this.desk;
    const { id, record } = letter;
    const decoded = this.decode(record);
    if (!decoded.ok) return this.failed(id, decoded.error);
    // By itself and before the handler starts, which may end the process.
    await deadLetters.tryAgain(this.consumer, id);
    try {
      return await unitOfWork.run(async () => {
        if ((await deadLetters.lockFirst(this.consumer, letter))?.id !== id) return 'gone';
        await server.redeliver(record, decoded.value);
        await deadLetters.resolve(this.consumer, id, 'replayed');
        return 'handled';
      });
    } catch (error) {
      if (isInfrastructureError(error)) throw error;
      const reason = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
      return this.failed(id, { kind: 'handler-failed', reason });
    }
  }

  private async failed(id: string, why: Pick<DeadLetter, 'kind' | 'reason'>): Promise<FailedReplay> {
    await this.desk.deadLetters.failedAgain(this.consumer, id, why);
    return { id, reason: why.reason };
  }

  private get desk(): DeskPorts {
    if (!this.ports) throw new Error('The desk has not been opened');
    return this.ports;
  }
}
