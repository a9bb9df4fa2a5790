import { databaseIsThere } from '@atlas/adapters/postgres';
import { catalogue } from '@atlas/contracts';
import type { ServiceDefinition } from '@atlas/service';
import context from '../context.json';
import { OrdersModule } from './orders.module';
import { ordersSettings } from './orders.settings';

export const ordersApp = {
  name: context.name,
  title: context.title,
  description: context.description,
  settings: ordersSettings,
  module: (values) => OrdersModule.register(values),
  events: catalogue,
  secrets: ['paymentToken'],
  readiness: { database: databaseIsThere },
} satisfies ServiceDefinition<typeof ordersSettings.shape>;
