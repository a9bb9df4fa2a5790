import { eventLogContract } from '@atlas/testing';
import { Kafka, logLevel } from 'kafkajs';
import { KafkaEventLog } from './kafka-event-log';
import { startKafka } from './test/kafka-container';

// With a prefix; the other suites use none.
const PREFIX = 'contract.';

eventLogContract('the event log on Kafka', async () => {
  const kafka = await startKafka();
  return {
    connect: (onError) =>
      KafkaEventLog.open({ brokers: kafka.brokers, clientId: 'contract', prefix: PREFIX, onError }),
    deleteTopic: async (name) => {
      const admin = new Kafka({ brokers: [...kafka.brokers], logLevel: logLevel.NOTHING }).admin();
      await admin.connect();
      await admin.deleteTopics({ topics: [`${PREFIX}${name}`] });
      await admin.disconnect();
    },
    drop: () => kafka.remove(),
  };
});
