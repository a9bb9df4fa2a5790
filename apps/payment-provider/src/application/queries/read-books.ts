import type { Charge } from '../../domain/charge';
import type { BookPage, Books } from '../ports';

export class ReadBooks {
  constructor(private readonly books: Books) {}

  find(chargeId: string): Promise<Charge | undefined> {
    return this.books.find(chargeId);
  }

  withReference(reference: string): Promise<readonly Charge[]> {
    return this.books.withReference(reference);
  }

  entries(after: string | undefined, limit: number): Promise<BookPage> {
    return this.books.entries(after, limit);
  }
}
