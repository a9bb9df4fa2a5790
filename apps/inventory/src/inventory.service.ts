import { databaseIsThere } from '@atlas/adapters/postgres';
import { type ServiceDefinition, serviceSettings } from '@atlas/service';
import { z } from 'zod';
import { InventoryModule } from './inventory.module';

const settings = serviceSettings({ port: 4002 }).extend({
  // Well beyond what an order may take: it is for orders that are never heard of again.
  RESERVATION_HOLD_MINUTES: z.coerce
    .number()
    .positive()
    .max(365 * 24 * 60)
    .default(60)
    .describe('a number of minutes, at most a year: after them stock that is held is given back'),
});

export type InventorySettings = z.infer<typeof settings>;

export const inventoryService = {
  name: 'inventory',
  title: 'Inventory',
  description: 'Keeps the stock of every SKU, and holds it for orders without ever overselling.',
  settings,
  module: (values) => InventoryModule.with(values),
  consumesEvents: true,
  readiness: { database: databaseIsThere },
} satisfies ServiceDefinition<typeof settings.shape>;
