import { startKafka } from '@atlas/adapters/kafka/test';
import { Kafka, logLevel, Partitioners } from 'kafkajs';
import { describeForeignRecords } from './foreign-records';

describeForeignRecords('Kafka', async () => {
  const kafka = await startKafka();
  const producer = new Kafka({ brokers: [...kafka.brokers], logLevel: logLevel.NOTHING }).producer({
    createPartitioner: Partitioners.DefaultPartitioner,
  });
  return {
    url: `kafka://${kafka.brokers.join()}`,
    write: async (topic, partition, records) => {
      await producer.connect();
      for (const record of records) {
        const headers = Object.fromEntries(
          Object.entries(record.headers).map(([name, content]) => [
            name,
            Array.isArray(content) ? [...(content as readonly string[])] : (content as string),
          ]),
        );
        await producer.send({ topic, messages: [{ partition, ...record, headers }] });
      }
      await producer.disconnect();
    },
    hasBytes: true,
    close: () => kafka.remove(),
  };
});
