import { eventLogContract } from '@atlas/testing';
import { KafkaEventLog } from './kafka-event-log';
import { startKafka } from './test/kafka-container';

eventLogContract('the event log on Kafka', async () => {
  const kafka = await startKafka();
  return {
    connect: (onError) => KafkaEventLog.open({ brokers: kafka.brokers, clientId: 'contract', onError }),
    drop: () => kafka.remove(),
  };
});
