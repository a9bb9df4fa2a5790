import type { ServiceDefinition } from '@atlas/service';
import { OutboxRelayModule } from './outbox-relay.module';
import { outboxRelaySettings } from './outbox-relay.settings';

/** @param service decides the name in the logs and the default port. */
export function outboxRelayApp(service: string | undefined) {
  const settings = outboxRelaySettings(service);
  return {
    name: service ? `${service}-relay` : 'outbox-relay',
    title: 'Outbox relay',
    description:
      'Publishes the events of one service from its outbox to the event log, each once and in order.',
    settings,
    module: (values) => OutboxRelayModule.register(values),
  } satisfies ServiceDefinition<typeof settings.shape>;
}
