import type { DynamicModule } from '@nestjs/common';
import { catalogue } from '@atlas/contracts';
import type { Outbox } from '@atlas/ports/adapters';
import { loadPolicies, Resilience } from '@atlas/resilience';
import { MemoryCategoryRepository } from '../../../apps/catalog/src/adapters/driven/memory/categories.repository';
import { MemoryProductRepository } from '../../../apps/catalog/src/adapters/driven/memory/products.repository';
import { CategoryRepository, ProductRepository } from '../../../apps/catalog/src/application/ports';
import { CatalogModule } from '../../../apps/catalog/src/catalog.module';
import { catalogSettings } from '../../../apps/catalog/src/catalog.settings';
import { MemoryReservationRepository } from '../../../apps/inventory/src/adapters/driven/memory/reservations.repository';
import { MemoryStockRepository } from '../../../apps/inventory/src/adapters/driven/memory/stock.repository';
import { ReservationRepository, StockRepository } from '../../../apps/inventory/src/application/ports';
import { InventoryModule } from '../../../apps/inventory/src/inventory.module';
import { inventorySettings } from '../../../apps/inventory/src/inventory.settings';
import { MemoryOrderRepository } from '../../../apps/orders/src/adapters/driven/memory/orders.repository';
import { MemoryPriceBook } from '../../../apps/orders/src/adapters/driven/memory/price-book.repository';
import { OrderRepository, PriceBook } from '../../../apps/orders/src/application/ports';
import { OrdersModule } from '../../../apps/orders/src/orders.module';
import { ordersSettings } from '../../../apps/orders/src/orders.settings';
import type { MemoryBooks } from '../../../apps/payment-provider/src/adapters/driven/memory/books.repository';
import { NetworkFaults } from '../../../apps/payment-provider/src/adapters/driving/http/network-faults';
import { Books } from '../../../apps/payment-provider/src/application/ports';
import { PaymentProviderModule } from '../../../apps/payment-provider/src/payment-provider.module';
import { paymentProviderSettings } from '../../../apps/payment-provider/src/payment-provider.settings';
import { MemoryLedger } from '../../../apps/payments/src/adapters/driven/memory/ledger.repository';
import { MemoryPaymentRepository } from '../../../apps/payments/src/adapters/driven/memory/payments.repository';
import { MemoryStatement } from '../../../apps/payments/src/adapters/driven/memory/statement.repository';
import { ProviderClient } from '../../../apps/payments/src/adapters/driven/provider/provider-client';
import { providerPolicies } from '../../../apps/payments/src/adapters/driven/provider/provider-policies';
import { Ledger, PaymentRepository, Statement } from '../../../apps/payments/src/application/ports';
import { PaymentsModule } from '../../../apps/payments/src/payments.module';
import { paymentsSettings } from '../../../apps/payments/src/payments.settings';
import type { SimulatedUnitOfWork } from './database';
import type { SimulatedProcess } from './process';
import { type Provider, SimulatedProviderClient } from './provider';

/** What a service's module gets from outside. */
export type Given = readonly (readonly [token: unknown, instance: unknown])[];

/** A service, as its own module wires it. */
export interface Service {
  readonly name: string;
  /** @param expiresEarly reservations expire before the orders' deadline. */
  readonly module: (expiresEarly: boolean) => DynamicModule;
  /** Serves what the module's own adapters serve in production. */
  readonly adapters: (
    process: SimulatedProcess,
    unitOfWork: SimulatedUnitOfWork,
    outbox: Outbox,
    provider: Provider,
  ) => Given;
}

/** Never connected to. */
const NOWHERE = { DATABASE_URL: 'postgres://simulated/simulated', EVENT_LOG_URL: 'kafka://simulated:9092' };
/** Short, so that deadlines pass within a run. */
const DEADLINE_MINUTES = 20 / 60;
const RESERVATION_MINUTES = { early: 6 / 60, late: 40 / 60 };
const PROVIDER_TIMEOUT_MS = 1_000;

const ordersModule = OrdersModule.register(
  ordersSettings.parse({ ...NOWHERE, ORDER_DEADLINE_MINUTES: DEADLINE_MINUTES }),
);
const catalogModule = CatalogModule.register(catalogSettings.parse(NOWHERE));
const [inventoryEarly, inventoryLate] = [RESERVATION_MINUTES.early, RESERVATION_MINUTES.late].map((minutes) =>
  InventoryModule.register(inventorySettings.parse({ ...NOWHERE, RESERVATION_MINUTES: minutes })),
) as [DynamicModule, DynamicModule];
const paymentsModule = PaymentsModule.register(
  paymentsSettings.parse({ ...NOWHERE, PROVIDER_TIMEOUT_MS, PAYMENT_LEASE_MS: 10_000 }),
);
export const providerModule = PaymentProviderModule.register(paymentProviderSettings.parse(NOWHERE));

const policies = loadPolicies(providerPolicies(PROVIDER_TIMEOUT_MS), {});

export const SERVICES: readonly Service[] = [
  {
    name: 'orders',
    module: () => ordersModule,
    adapters: (_, unitOfWork, outbox) => [
      [OrderRepository, new MemoryOrderRepository(unitOfWork, outbox)],
      [PriceBook, new MemoryPriceBook(unitOfWork)],
    ],
  },
  {
    name: 'inventory',
    module: (expiresEarly) => (expiresEarly ? inventoryEarly : inventoryLate),
    adapters: (_, unitOfWork, outbox) => {
      const stock = new MemoryStockRepository(unitOfWork, outbox);
      return [
        [StockRepository, stock],
        [ReservationRepository, new MemoryReservationRepository(unitOfWork, stock, outbox)],
      ];
    },
  },
  {
    name: 'payments',
    module: () => paymentsModule,
    adapters: (process, unitOfWork, outbox, provider) => {
      const ledger = new MemoryLedger(unitOfWork);
      const payments = new MemoryPaymentRepository(unitOfWork, ledger, outbox);
      return [
        [Ledger, ledger],
        [PaymentRepository, payments],
        [Statement, new MemoryStatement(unitOfWork, payments)],
        [Resilience, new Resilience(policies)],
        [ProviderClient, new SimulatedProviderClient(process, provider)],
      ];
    },
  },
  {
    name: 'catalog',
    module: () => catalogModule,
    adapters: (_, unitOfWork, outbox) => {
      const categories = new MemoryCategoryRepository(unitOfWork, outbox);
      return [
        [CategoryRepository, categories],
        [ProductRepository, new MemoryProductRepository(unitOfWork, categories, outbox)],
      ];
    },
  },
];

/** The outside company's own code, on its books in memory. */
export const providerAdapters = (books: MemoryBooks): Given => [
  [Books, books],
  // A silent answer is one that never comes.
  [NetworkFaults, { hold: () => undefined }],
];

export const topicsOf = (service: string) => catalogue.topics.filter(({ name }) => name.startsWith(service));
