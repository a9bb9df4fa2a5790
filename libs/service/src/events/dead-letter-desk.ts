import type { DeadLetterFilter, DeadLetters, Inbox, StoredDeadLetter, UnitOfWork } from '@atlas/ports';
import { decodeEvent } from '@atlas/contracts';
import { isInfrastructureError } from '../infrastructure-error';
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
      readonly failed: { readonly id: string; readonly reason: string } | undefined;
    };

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
export class DeadLetterDesk {
  private ports: DeskPorts | undefined;

  constructor(private readonly consumer: string) {}

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
    const letter = await this.find(id);
    if (!letter) return { state: 'unknown' };
    if (letter.resolution) return { state: 'resolved', letter };
    const replayed: string[] = [];
    for (;;) {
      const next = await this.replayFirst(letter, replayed.length === 0);
      if (next === undefined) return { state: 'done', replayed, failed: undefined };
      if ('behind' in next) return { state: 'behind', first: next.behind };
      if ('reason' in next) return { state: 'done', replayed, failed: next };
      replayed.push(next.id);
    }
  }

  /** Ends a letter whose record will never be handled, also if it is delivered again; those behind it stay. */
  async discard(id: string, reason: string): Promise<Discard> {
    const letter = await this.find(id);
    if (!letter) return { state: 'unknown' };
    if (letter.resolution) return { state: 'resolved', letter };
    const { unitOfWork, inbox, deadLetters } = this.desk;
    const decoded = decodeEvent(letter.record);
    await unitOfWork.run(async () => {
      if (decoded.ok) await inbox.admit(this.consumer, [decoded.value.id]);
      await deadLetters.resolve(this.consumer, id, 'discarded', reason);
    });
    const discarded = (await this.find(id)) ?? letter;
    return { state: discarded.resolution === 'discarded' ? 'discarded' : 'resolved', letter: discarded };
  }

  /** @returns undefined if no letter of the key is open any more. */
  private async replayFirst(
    letter: StoredDeadLetter,
    mustBeIt: boolean,
  ): Promise<{ id: string } | { id: string; reason: string } | { behind: string } | undefined> {
    const { unitOfWork, deadLetters, server } = this.desk;
    let first: StoredDeadLetter | undefined;
    let isBehind = false;
    try {
      await unitOfWork.run(async () => {
        first = await deadLetters.lockFirst(this.consumer, letter);
        isBehind = mustBeIt && first !== undefined && first.id !== letter.id;
        if (!first || isBehind) return;
        const { id, record } = first;
        await server.redeliver(record, () => deadLetters.resolve(this.consumer, id, 'replayed'));
      });
    } catch (error) {
      if (!first || isInfrastructureError(error)) throw error;
      const reason = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
      await deadLetters.failedAgain(this.consumer, first.id, reason);
      return { id: first.id, reason };
    }
    if (!first) return undefined;
    return isBehind ? { behind: first.id } : { id: first.id };
  }

  private get desk(): DeskPorts {
    if (!this.ports) throw new Error('The desk has not been opened');
    return this.ports;
  }
}
