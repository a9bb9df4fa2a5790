import { databaseIsThere } from '@atlas/adapters/postgres';
import { catalogue } from '@atlas/contracts';
import type { ServiceDefinition } from '@atlas/service';
import context from '../context.json';
import { CatalogModule } from './catalog.module';
import { catalogSettings } from './catalog.settings';

export const catalogApp = {
  name: context.name,
  title: context.title,
  description: context.description,
  settings: catalogSettings,
  module: (values) => CatalogModule.register(values),
  events: catalogue,
  readiness: { database: databaseIsThere },
} satisfies ServiceDefinition<typeof catalogSettings.shape>;
