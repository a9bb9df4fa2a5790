import type { Money } from '@atlas/kernel';
import type { Clock, IdGenerator } from '@atlas/ports/application';
import type { Charge } from '../../domain/charge';
import { verdictOn } from '../../domain/test-cards';
import type { Books, Once } from '../ports';

export interface TakeChargeCommand {
  readonly key: string;
  readonly reference: string;
  readonly amount: Money;
  readonly source: string;
}

/** Charges a card, once for each key. */
export class TakeCharge {
  constructor(
    private readonly books: Books,
    private readonly clock: Clock,
    private readonly ids: IdGenerator,
  ) {}

  /** Silent: nothing was done, and the client must not be told so. */
  async execute(command: TakeChargeCommand): Promise<Once<Charge> | { readonly kind: 'silent' }> {
    const { key, reference, amount, source } = command;
    const verdict = verdictOn(source);
    if (verdict.kind === 'silent') return verdict;
    return this.books.charge(key, {
      id: `ch_${this.ids.next().replaceAll('-', '')}`,
      reference,
      amount,
      source,
      declined: verdict.kind === 'declined' ? verdict.reason : undefined,
      createdAt: this.clock.now(),
    });
  }
}
