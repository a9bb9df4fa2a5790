import type { Money } from '@atlas/kernel';
import type { Clock, IdGenerator } from '@atlas/ports/application';
import type { Charge, KeyedResult } from '../../domain/charge';
import { verdictOn } from '../../domain/test-cards';
import type { Books } from '../ports';

export interface CreateChargeCommand {
  /** The idempotency key. */
  readonly key: string;
  readonly reference: string;
  readonly amount: Money;
  readonly source: string;
}

/** Charges a card, once per key. */
export class CreateCharge {
  constructor(
    private readonly books: Books,
    private readonly clock: Clock,
    private readonly ids: IdGenerator,
  ) {}

  /** @returns silent: nothing was done, and the client must get no answer. */
  async execute(command: CreateChargeCommand): Promise<KeyedResult<Charge> | { readonly kind: 'silent' }> {
    const { key, reference, amount, source } = command;
    const verdict = verdictOn(source);
    if (verdict.kind === 'silent') return verdict;
    return this.books.addCharge(key, {
      id: `ch_${this.ids.next().replaceAll('-', '')}`,
      reference,
      amount,
      source,
      declined: verdict.kind === 'declined' ? verdict.reason : undefined,
      createdAt: this.clock.now(),
    });
  }
}
