import { databaseIsThere } from '@atlas/adapters/postgres';
import { type ServiceDefinition, serviceSettings } from '@atlas/service';
import { InventoryModule } from './inventory.module';

const settings = serviceSettings({ port: 4002 });

export const inventoryService = {
  name: 'inventory',
  title: 'Inventory',
  description: 'Keeps the stock of every SKU, and holds it for orders without ever overselling.',
  settings,
  module: (values) => InventoryModule.with(values),
  consumesEvents: true,
  readiness: { database: databaseIsThere },
} satisfies ServiceDefinition<typeof settings.shape>;
