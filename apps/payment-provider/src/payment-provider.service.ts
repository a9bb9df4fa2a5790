import { databaseIsThere } from '@atlas/adapters/postgres';
import { type ServiceDefinition, serviceSettings } from '@atlas/service';
import type { z } from 'zod';
import { PaymentProviderModule } from './payment-provider.module';

/** It takes no part in the platform's events: to the others it is a company outside, which has an API. */
const settings = serviceSettings({ port: 4090 }).pick({
  HOST: true,
  PORT: true,
  DATABASE_URL: true,
  DRAIN_MS: true,
  LOG_LEVEL: true,
});

export type PaymentProviderSettings = z.infer<typeof settings>;

export const paymentProviderService = {
  name: 'payment-provider',
  title: 'Payment provider (sandbox)',
  description:
    'A SANDBOX FOR DEVELOPMENT, like the test mode of a real payment provider: no card is charged and no money moves. ' +
    'Its cards are tokens: `tok_approve` is charged, `tok_decline` declined, `tok_timeout` never answered and not ' +
    'charged; any other is declined as unknown. It keeps books of its own, and can be told to misbehave: see `/faults`.',
  settings,
  module: (values) => PaymentProviderModule.with(values),
  readiness: { database: databaseIsThere },
} satisfies ServiceDefinition<typeof settings.shape>;
