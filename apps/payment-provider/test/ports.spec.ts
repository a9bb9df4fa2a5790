import { FixedClock } from '@atlas/testing';
import { startContext } from '@atlas/testing/context';
import { MemoryActiveFaults } from '../src/adapters/driven/memory/active-faults';
import { MemoryBooks } from '../src/adapters/driven/memory/books.repository';
import { Books } from '../src/application/ports';
import { paymentProviderApp } from '../src/payment-provider.app';
import { activeFaultsContract } from './active-faults.contract';
import { booksContract } from './books.contract';

activeFaultsContract('in memory', () => new MemoryActiveFaults(new FixedClock()));

booksContract('in memory', async () => ({ books: new MemoryBooks(), stop: async () => undefined }));

booksContract('in PostgreSQL', async () => {
  const context = await startContext(paymentProviderApp);
  return { books: context.get(Books), stop: () => context.stop() };
});
