import type { EventLanguage } from '@atlas/events';
import { serviceSettings } from '@atlas/service';
import { z } from 'zod';

const FIRST_PORT = 4011;

/** @param service decides the default port: 4011 for the first service, one more for each other. */
export const outboxRelaySettings = ({ contracts }: EventLanguage, service: string | undefined) => {
  // Every service that publishes.
  const services = [...new Set(contracts.map(({ owner }) => owner))];
  return serviceSettings({ port: FIRST_PORT + Math.max(0, services.indexOf(service ?? '')) }).extend({
    SERVICE: z.enum(services).describe(`the service whose outbox to publish: one of ${services.join(', ')}`),
    RELAY_BATCH_ROWS: z.coerce
      .number()
      .int()
      .min(1)
      .max(10_000)
      .default(2_000)
      .describe('a whole number of rows from 1 to 10000: the most in one transaction on the log'),
    OUTBOX_RETENTION_HOURS: z.coerce
      .number()
      .min(0)
      .default(7 * 24)
      .describe('a number of hours from 0: how long published rows are kept, for audits'),
  });
};

export type OutboxRelaySettings = z.infer<ReturnType<typeof outboxRelaySettings>>;
