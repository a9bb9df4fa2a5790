import { databaseIsThere } from '@atlas/adapters/postgres';
import { catalogue } from '@atlas/contracts';
import type { ServiceDefinition } from '@atlas/service';
import context from '../context.json';
import { PaymentsModule } from './payments.module';
import { paymentsSettings } from './payments.settings';

export const paymentsApp = {
  name: context.name,
  title: context.title,
  description: context.description,
  settings: paymentsSettings,
  module: (values) => PaymentsModule.register(values),
  events: catalogue,
  secrets: ['paymentToken'],
  readiness: { database: databaseIsThere },
} satisfies ServiceDefinition<typeof paymentsSettings.shape>;
