import type { Charge } from '../../domain/charge';
import type { Books } from '../ports';

/** A charge with its refund. */
export class GetCharge {
  constructor(private readonly books: Books) {}

  execute(chargeId: string): Promise<Charge | undefined> {
    return this.books.getCharge(chargeId);
  }
}
