import type { Charge } from '../../domain/charge';
import type { Books } from '../ports';

/** All charges with a reference, oldest first. */
export class ListCharges {
  constructor(private readonly books: Books) {}

  execute(reference: string): Promise<readonly Charge[]> {
    return this.books.listCharges(reference);
  }
}
