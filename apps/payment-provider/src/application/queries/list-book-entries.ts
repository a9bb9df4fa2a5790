import type { BookPage, Books } from '../ports';

export interface ListBookEntriesQuery {
  /** `next` of the previous page; undefined: from the beginning. */
  readonly after?: string | undefined;
  readonly limit: number;
}

/** The movements of money, a page at a time. */
export class ListBookEntries {
  constructor(private readonly books: Books) {}

  execute({ after, limit }: ListBookEntriesQuery): Promise<BookPage> {
    return this.books.listEntries(after, limit);
  }
}
