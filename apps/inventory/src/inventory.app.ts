import { databaseIsThere } from '@atlas/adapters/postgres';
import { catalogue } from '@atlas/contracts';
import type { ServiceDefinition } from '@atlas/service';
import context from '../context.json';
import { InventoryModule } from './inventory.module';
import { inventorySettings } from './inventory.settings';

export const inventoryApp = {
  name: context.name,
  title: context.title,
  description: context.description,
  settings: inventorySettings,
  module: (values) => InventoryModule.register(values),
  events: catalogue,
  readiness: { database: databaseIsThere },
} satisfies ServiceDefinition<typeof inventorySettings.shape>;
