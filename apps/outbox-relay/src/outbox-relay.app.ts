import type { EventLanguage } from '@atlas/events';
import type { ServiceDefinition } from '@atlas/service';
import context from '../context.json';
import { OutboxRelayModule } from './outbox-relay.module';
import { outboxRelaySettings } from './outbox-relay.settings';

/**
 * @param language names the services that publish, and their topics.
 * @param service the service whose outbox it publishes: decides the name in the logs and the default port.
 */
export function outboxRelayApp(language: EventLanguage, service: string | undefined) {
  const settings = outboxRelaySettings(language, service);
  return {
    name: service ? `${service}-relay` : context.name,
    title: context.title,
    description: context.description,
    settings,
    module: (values) => OutboxRelayModule.register(values, language),
  } satisfies ServiceDefinition<typeof settings.shape>;
}
