import { databaseIsThere } from '@atlas/adapters/postgres';
import type { ServiceDefinition } from '@atlas/service';
import { OrderRepository } from './application/ports';
import { OrdersModule } from './orders.module';
import { ordersSettings } from './orders.settings';

export const ordersApp = {
  name: 'orders',
  title: 'Orders',
  description:
    'Places orders, at the prices of its own price book, and runs their life until they are settled.',
  settings: ordersSettings,
  module: (values) => OrdersModule.register(values),
  consumesEvents: true,
  // Whatever inventory and payments tell is about one order.
  prepareBatch: (app, events) =>
    app
      .get(OrderRepository, { strict: false })
      .willUpdate(events.map(({ data }) => (data as { orderId: string }).orderId)),
  readiness: { database: databaseIsThere },
} satisfies ServiceDefinition<typeof ordersSettings.shape>;
