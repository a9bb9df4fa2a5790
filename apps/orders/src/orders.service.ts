import { databaseIsThere } from '@atlas/adapters/postgres';
import { type ServiceDefinition, serviceSettings } from '@atlas/service';
import { z } from 'zod';
import { OrderRepository } from './application/ports';
import { OrdersModule } from './orders.module';

const settings = serviceSettings({ port: 4001 }).extend({
  ORDER_DEADLINE_MINUTES: z.coerce
    .number()
    .positive()
    .max(30 * 24 * 60)
    .default(15)
    .describe('a number of minutes, at most 30 days: after them an order that is not settled is cancelled'),
});

export type OrdersSettings = z.infer<typeof settings>;

export const ordersService = {
  name: 'orders',
  title: 'Orders',
  description:
    'Places orders, at the prices of its own price book, and runs their life until they are settled.',
  settings,
  module: (values) => OrdersModule.with(values),
  consumesEvents: true,
  // Whatever inventory and payments tell is about one order.
  prepareBatch: (app, events) =>
    app
      .get(OrderRepository, { strict: false })
      .willUpdate(events.map(({ data }) => (data as { orderId: string }).orderId)),
  readiness: { database: databaseIsThere },
} satisfies ServiceDefinition<typeof settings.shape>;
