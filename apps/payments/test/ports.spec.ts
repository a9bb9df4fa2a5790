import { UnitOfWork } from '@atlas/ports/adapters';
import { FixedClock, MemoryContext } from '@atlas/testing';
import { MemoryLedger } from '../src/adapters/driven/memory/ledger.repository';
import { MemoryPaymentRepository } from '../src/adapters/driven/memory/payments.repository';
import { MemoryStatement } from '../src/adapters/driven/memory/statement.repository';
import { MemoryPaymentProvider, MemoryProviderBooks } from '../src/adapters/driven/memory/provider';
import {
  Ledger,
  PaymentProvider,
  PaymentRepository,
  ProviderBooks,
  Statement,
} from '../src/application/ports';
import { paymentProviderContract } from './payment-provider.contract';
import { paymentRepositoryContract } from './payment-repository.contract';
import { RunningPayments } from './running-payments';
import { statementContract } from './statement.contract';

const inMemory = async () => {
  const context = new MemoryContext();
  const { unitOfWork, outbox } = context;
  const ledger = new MemoryLedger(unitOfWork);
  const payments = new MemoryPaymentRepository(unitOfWork, ledger, outbox);
  return {
    unitOfWork,
    payments,
    ledger,
    statement: new MemoryStatement(unitOfWork, payments),
    told: (id: string) => context.told(id),
    stop: async () => undefined,
  };
};

const inPostgres = async () => {
  const running = await RunningPayments.start();
  return {
    unitOfWork: running.get(UnitOfWork),
    payments: running.get(PaymentRepository),
    ledger: running.get(Ledger),
    statement: running.get(Statement),
    told: (id: string) => running.context.told(id),
    stop: () => running.stop(),
  };
};

paymentRepositoryContract('in memory', inMemory);
paymentRepositoryContract('in PostgreSQL', inPostgres);
statementContract('in memory', inMemory);
statementContract('in PostgreSQL', inPostgres);

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
