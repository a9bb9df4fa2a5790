import { sharedKafka } from '@atlas/adapters/kafka/test';
import { describeFatalEvent } from './fatal-event';

describeFatalEvent('Kafka', async () => ({
  settings: { EVENT_LOG_URL: `kafka://${(await sharedKafka()).join()}`, KAFKA_PREFIX: 'fatal-event.' },
  drop: () => Promise.resolve(),
}));
