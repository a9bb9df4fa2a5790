import type { Money } from '@atlas/kernel';
import type { Clock, IdGenerator } from '@atlas/ports/application';
import type { Books } from '../ports';

export interface ForeignCharge {
  readonly key: string;
  readonly reference: string;
  readonly amount: Money;
  readonly source: string;
  /** The other provider's id; none if it declined. */
  readonly id?: string | undefined;
  readonly declined?: string | undefined;
  readonly refund?: { readonly id: string; readonly key: string } | undefined;
}

/** For a client that changes its provider and brings what was charged before, with its ids and keys. */
export class TakeOverCharges {
  constructor(
    private readonly books: Books,
    private readonly clock: Clock,
    private readonly ids: IdGenerator,
  ) {}

  /** @returns how many were new. */
  execute(charges: readonly ForeignCharge[]): Promise<number> {
    const createdAt = this.clock.now();
    return this.books.takeOver(
      charges.map(({ key, reference, amount, source, declined, refund, id = `ch_${this.nextId()}` }) => ({
        key,
        refundKey: refund?.key,
        charge: {
          id,
          reference,
          amount,
          source,
          declined,
          createdAt,
          refund: refund && { id: refund.id, chargeId: id, amount, createdAt },
        },
      })),
    );
  }

  private nextId(): string {
    return this.ids.next().replaceAll('-', '');
  }
}
