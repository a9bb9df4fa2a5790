import { startContext } from '@atlas/testing/context';
import { MemoryBooks } from '../src/adapters/driven/memory/books.repository';
import { Books } from '../src/application/ports';
import { paymentProviderApp } from '../src/payment-provider.app';
import { booksContract } from './books.contract';

booksContract('in memory', async () => ({ books: new MemoryBooks(), stop: async () => undefined }));

booksContract('in PostgreSQL', async () => {
  const context = await startContext(paymentProviderApp);
  return { books: context.get(Books), stop: () => context.stop() };
});
