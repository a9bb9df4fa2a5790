import { UnitOfWork } from '@atlas/ports/adapters';
import { MemoryContext } from '@atlas/testing';
import { startContext } from '@atlas/testing/context';
import { MemoryReservationRepository } from '../src/adapters/driven/memory/reservations.repository';
import { MemoryStockRepository } from '../src/adapters/driven/memory/stock.repository';
import { ReservationRepository, StockRepository } from '../src/application/ports';
import { inventoryApp } from '../src/inventory.app';
import { reservationRepositoryContract } from './reservation-repository.contract';
import { stockRepositoryContract } from './stock-repository.contract';

const inMemory = async () => {
  const context = new MemoryContext();
  const { unitOfWork, outbox } = context;
  const stock = new MemoryStockRepository(unitOfWork, outbox);
  return {
    unitOfWork,
    reservations: new MemoryReservationRepository(unitOfWork, stock, outbox),
    stock,
    told: (id: string) => context.told(id),
    stop: async () => undefined,
  };
};

const inPostgres = async () => {
  const context = await startContext(inventoryApp);
  return {
    unitOfWork: context.get(UnitOfWork),
    reservations: context.get(ReservationRepository),
    stock: context.get(StockRepository),
    told: (id: string) => context.told(id),
    stop: () => context.stop(),
  };
};

reservationRepositoryContract('in memory', inMemory);
reservationRepositoryContract('in PostgreSQL', inPostgres);
stockRepositoryContract('in memory', inMemory);
stockRepositoryContract('in PostgreSQL', inPostgres);
