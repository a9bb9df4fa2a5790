import { databaseIsThere } from '@atlas/adapters/postgres';
import type { ServiceDefinition } from '@atlas/service';
import context from '../context.json';
import { PaymentProviderModule } from './payment-provider.module';
import { paymentProviderSettings } from './payment-provider.settings';

export const paymentProviderApp = {
  name: context.name,
  title: context.title,
  description:
    'A SANDBOX FOR DEVELOPMENT, like the test mode of a real payment provider: no card is charged and no money moves. ' +
    'Its test cards are tokens: `tok_approve` is charged, `tok_decline` is declined, `tok_timeout` gets no answer and is ' +
    'not charged; any other is declined as unknown. It keeps its own books, and can inject faults: see `/faults`.',
  settings: paymentProviderSettings,
  module: (values) => PaymentProviderModule.register(values),
  readiness: { database: databaseIsThere },
} satisfies ServiceDefinition<typeof paymentProviderSettings.shape>;
