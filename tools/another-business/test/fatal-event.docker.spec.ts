import { startKafka } from '@atlas/adapters/kafka/test';
import { describeFatalEvent } from './fatal-event';

describeFatalEvent('Kafka', async () => {
  const kafka = await startKafka();
  return { url: `kafka://${kafka.brokers.join()}`, drop: () => kafka.remove() };
});
