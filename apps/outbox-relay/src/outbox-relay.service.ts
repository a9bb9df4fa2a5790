import { contracts } from '@atlas/contracts';
import { type ServiceDefinition, serviceSettings } from '@atlas/service';
import { z } from 'zod';
import { OutboxRelayModule } from './outbox-relay.module';

/** Everyone who publishes: the owners of the events. */
const services = [...new Set(contracts.map((contract) => contract.owner))];
const FIRST_PORT = 4011;

const settingsFor = (service: string | undefined) =>
  serviceSettings({ port: FIRST_PORT + Math.max(0, services.indexOf(service ?? '')) }).extend({
    SERVICE: z.enum(services).describe(`the service whose outbox to publish: one of ${services.join(', ')}`),
    RELAY_BATCH_ROWS: z.coerce
      .number()
      .int()
      .min(1)
      .max(10_000)
      .default(2_000)
      .describe('a whole number of rows from 1 to 10000: the most that one transaction on the log holds'),
    OUTBOX_RETENTION_HOURS: z.coerce
      .number()
      .min(0)
      .default(7 * 24)
      .describe('a number of hours from 0: how long published rows are kept, for audits'),
  });

export type RelayServiceSettings = z.infer<ReturnType<typeof settingsFor>>;

/** @param service decides the name in the logs and the default port: one more for each service, from 4011. */
export function outboxRelayService(service: string | undefined) {
  const settings = settingsFor(service);
  return {
    name: service ? `${service}-relay` : 'outbox-relay',
    title: 'Outbox relay',
    description:
      'Publishes the events of one service from its outbox to the event log, each once and in order.',
    settings,
    module: (values) => OutboxRelayModule.with(values),
  } satisfies ServiceDefinition<typeof settings.shape>;
}
