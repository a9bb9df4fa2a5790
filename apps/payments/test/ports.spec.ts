import { UnitOfWork } from '@atlas/ports/adapters';
import { FixedClock, MemoryContext } from '@atlas/testing';
import { MemoryLedger } from '../src/adapters/driven/memory/ledger.repository';
import { MemoryPaymentRepository } from '../src/adapters/driven/memory/payments.repository';
import { MemoryPaymentProvider, MemoryProviderBooks } from '../src/adapters/driven/memory/provider';
import { Ledger, PaymentProvider, PaymentRepository, ProviderBooks } from '../src/application/ports';
import { paymentProviderContract } from './payment-provider.contract';
import { paymentRepositoryContract } from './payment-repository.contract';
import { RunningPayments } from './running-payments';

paymentRepositoryContract('in memory', async () => {
  const context = new MemoryContext();
  const ledger = new MemoryLedger(context.unitOfWork);
  return {
    unitOfWork: context.unitOfWork,
    payments: new MemoryPaymentRepository(context.unitOfWork, ledger, context.outbox),
    ledger,
    told: (id) => context.told(id),
    stop: async () => undefined,
  };
});

paymentRepositoryContract('in PostgreSQL', async () => {
  const running = await RunningPayments.start();
  return {
    unitOfWork: running.get(UnitOfWork),
    payments: running.get(PaymentRepository),
    ledger: running.get(Ledger),
    told: (id) => running.context.told(id),
    stop: () => running.stop(),
  };
});

paymentProviderContract('in memory', async () => {
  const provider = new MemoryPaymentProvider(new FixedClock());
  return { provider, books: new MemoryProviderBooks(provider, 2), stop: async () => undefined };
});

paymentProviderContract('over HTTP', async () => {
  const running = await RunningPayments.start({ env: { PROVIDER_TIMEOUT_MS: '500' } });
  return {
    provider: running.get(PaymentProvider),
    books: running.get(ProviderBooks),
    stop: () => running.stop(),
  };
});
