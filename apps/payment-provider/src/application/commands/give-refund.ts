import type { Clock, IdGenerator } from '@atlas/ports/application';
import type { Books, OnceRefunded } from '../ports';

/** Gives a whole charge back, once. */
export class GiveRefund {
  constructor(
    private readonly books: Books,
    private readonly clock: Clock,
    private readonly ids: IdGenerator,
  ) {}

  execute(key: string, chargeId: string): Promise<OnceRefunded> {
    const id = `re_${this.ids.next().replaceAll('-', '')}`;
    return this.books.refund(key, { id, chargeId, createdAt: this.clock.now() });
  }
}
