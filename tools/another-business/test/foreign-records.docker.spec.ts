import { sharedKafka } from '@atlas/adapters/kafka/test';
import { Kafka, logLevel, Partitioners } from 'kafkajs';
import { describeForeignRecords } from './foreign-records';

const PREFIX = 'foreign-records.';

describeForeignRecords('Kafka', async () => {
  const brokers = await sharedKafka();
  const producer = new Kafka({ brokers: [...brokers], logLevel: logLevel.NOTHING }).producer({
    createPartitioner: Partitioners.DefaultPartitioner,
  });
  return {
    env: { EVENT_LOG_URL: `kafka://${brokers.join()}`, KAFKA_PREFIX: PREFIX },
    write: async (topic, partition, records) => {
      await producer.connect();
      for (const record of records) {
        const headers = Object.fromEntries(
          Object.entries(record.headers).map(([name, content]) => [
            name,
            Array.isArray(content) ? [...(content as readonly string[])] : (content as string),
          ]),
        );
        await producer.send({ topic: `${PREFIX}${topic}`, messages: [{ partition, ...record, headers }] });
      }
      await producer.disconnect();
    },
    hasBytes: true,
    close: () => Promise.resolve(),
  };
});
