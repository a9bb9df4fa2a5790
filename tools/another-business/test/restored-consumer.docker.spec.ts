import { sharedKafka } from '@atlas/adapters/kafka/test';
import { describeRestoredConsumer } from './restored-consumer';

describeRestoredConsumer('Kafka', async () => {
  const brokers = await sharedKafka();
  return {
    settings: { EVENT_LOG_URL: `kafka://${brokers.join()}`, KAFKA_PREFIX: 'restored-consumer.' },
    drop: () => Promise.resolve(),
  };
});
