import { join } from 'node:path';
import { processesOf, readDeclarations } from '@atlas/context';
import type { EventLanguage } from '@atlas/events';
import { serviceSettings } from '@atlas/service';
import { z } from 'zod';

const declarations = readDeclarations(join(__dirname, '../..'));

/** The relays that the contexts declare. */
const relays = processesOf(declarations).filter(({ kind }) => kind === 'relay');

/** The consumer groups of a topic: a service's group has its name. */
export const consumersOf = (topic: string): readonly string[] =>
  declarations.filter(({ topics }) => topics.consumes?.includes(topic)).map(({ name }) => name);

/** @param service decides the default port: the one that its declaration gives its relay, or else any. */
export const outboxRelaySettings = ({ contracts }: EventLanguage, service: string | undefined) => {
  // Every service that publishes.
  const services = [...new Set(contracts.map(({ owner }) => owner))];
  const declared = relays.find(({ context }) => context.name === service);
  return serviceSettings({ port: declared?.port ?? 0 }).extend({
    SERVICE: z.enum(services).describe(`the service whose outbox to publish: one of ${services.join(', ')}`),
    RELAY_BATCH_ROWS: z.coerce
      .number()
      .int()
      .min(1)
      .max(10_000)
      .default(2_000)
      .describe('a whole number of rows from 1 to 10000: the most in one transaction on the log'),
  });
};

export type OutboxRelaySettings = z.infer<ReturnType<typeof outboxRelaySettings>>;
