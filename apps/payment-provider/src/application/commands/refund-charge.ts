import type { Clock, IdGenerator } from '@atlas/ports/application';
import type { RefundResult } from '../../domain/charge';
import type { Books } from '../ports';

export interface RefundChargeCommand {
  /** The idempotency key. */
  readonly key: string;
  readonly chargeId: string;
}

/** Refunds a whole charge, once. */
export class RefundCharge {
  constructor(
    private readonly books: Books,
    private readonly clock: Clock,
    private readonly ids: IdGenerator,
  ) {}

  execute({ key, chargeId }: RefundChargeCommand): Promise<RefundResult> {
    const id = `re_${this.ids.next().replaceAll('-', '')}`;
    return this.books.addRefund(key, { id, chargeId, createdAt: this.clock.now() });
  }
}
