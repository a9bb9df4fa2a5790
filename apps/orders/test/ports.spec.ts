import { UnitOfWork } from '@atlas/ports/adapters';
import { MemoryContext } from '@atlas/testing';
import { startContext } from '@atlas/testing/context';
import { MemoryOrderRepository } from '../src/adapters/driven/memory/orders.repository';
import { MemoryPriceBook } from '../src/adapters/driven/memory/price-book.repository';
import { OrderRepository, PriceBook } from '../src/application/ports';
import { ordersApp } from '../src/orders.app';
import { orderRepositoryContract } from './order-repository.contract';
import { priceBookContract } from './price-book.contract';

const inMemory = async () => {
  const context = new MemoryContext();
  return {
    unitOfWork: context.unitOfWork,
    orders: new MemoryOrderRepository(context.unitOfWork, context.outbox),
    prices: new MemoryPriceBook(context.unitOfWork),
    told: (id: string) => context.told(id),
    stop: async () => undefined,
  };
};

const inPostgres = async () => {
  const context = await startContext(ordersApp);
  return {
    unitOfWork: context.get(UnitOfWork),
    orders: context.get(OrderRepository),
    prices: context.get(PriceBook),
    told: (id: string) => context.told(id),
    stop: () => context.stop(),
  };
};

orderRepositoryContract('in memory', inMemory);
orderRepositoryContract('in PostgreSQL', inPostgres);
priceBookContract('in memory', inMemory);
priceBookContract('in PostgreSQL', inPostgres);
