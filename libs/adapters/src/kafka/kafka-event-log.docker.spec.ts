import { eventLogContract } from '@atlas/testing';
import { type Admin, Kafka, logLevel } from 'kafkajs';
import { KafkaEventLog } from './kafka-event-log';
import { sharedKafka } from './test/kafka-container';

const PREFIX = 'contract.';

eventLogContract('the event log on Kafka', async () => {
  const brokers = await sharedKafka();
  const administer = async (work: (admin: Admin) => Promise<void>): Promise<void> => {
    const admin = new Kafka({ brokers: [...brokers], logLevel: logLevel.NOTHING }).admin();
    await admin.connect();
    await work(admin);
    await admin.disconnect();
  };
  return {
    connect: (onError) => KafkaEventLog.open({ brokers, clientId: 'contract', prefix: PREFIX, onError }),
    deleteTopic: (name) => administer((admin) => admin.deleteTopics({ topics: [`${PREFIX}${name}`] })),
    deleteRecords: (name, partition, before) =>
      administer(async (admin) => {
        const topic = `${PREFIX}${name}`;
        await admin.fetchTopicOffsets(topic); // kafkajs needs it to find the leader
        await admin.deleteTopicRecords({ topic, partitions: [{ partition, offset: String(before) }] });
      }),
    drop: () => Promise.resolve(),
  };
});
