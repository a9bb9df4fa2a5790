import { join } from 'node:path';
import { defaultPortOf, readDeclarations } from '@atlas/context';
import { serviceSettings } from '@atlas/service';
import { z } from 'zod';
import context from '../context.json';

const providerPort = defaultPortOf(
  readDeclarations(join(__dirname, '../..')),
  context.environment.PROVIDER_URL.urlOf,
);

const milliseconds = (max: number) => z.coerce.number().int().min(10).max(max);

export const paymentsSettings = serviceSettings({ port: context.processes.payments.port }).extend({
  PROVIDER_URL: z
    .url({ protocol: /^https?$/ })
    .default(`http://127.0.0.1:${providerPort}`)
    .describe("the URL of the payment provider's API, http://host:port"),
  PROVIDER_TIMEOUT_MS: milliseconds(4_000)
    .default(1_000)
    .describe('how long to wait for one response of the payment provider, from 10 to 4000 milliseconds'),
  PAYMENT_LEASE_MS: milliseconds(600_000)
    .min(10_000)
    .default(15_000)
    .describe(
      'how long a process may work on a payment before another takes over, from 10000 to 600000 milliseconds',
    ),
  PAYMENT_MAX_ATTEMPTS: z.coerce
    .number()
    .int()
    .min(1)
    .max(100)
    .default(3)
    .describe('how many charges of a payment may stay unanswered, from 1 to 100'),
  RECONCILE_EVERY_MS: milliseconds(3_600_000)
    .default(5_000)
    .describe("the time between two reads of the provider's books, from 10 to 3600000 milliseconds"),
});

export type PaymentsSettings = z.infer<typeof paymentsSettings>;
