import { startKafka } from '@atlas/adapters/kafka/test';
import { describeRestoredConsumer } from './restored-consumer';

describeRestoredConsumer('Kafka', async () => {
  const kafka = await startKafka();
  return { url: `kafka://${kafka.brokers.join()}`, drop: () => kafka.remove() };
});
