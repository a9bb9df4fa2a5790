import { randomUUID } from 'node:crypto';
import { publish } from '@atlas/testing';
import { ConfigResourceTypes } from 'kafkajs';
import { KafkaClient } from './client';
import { KafkaEventLog, type KafkaEventLogOptions } from './kafka-event-log';
import { startSecuredKafka } from './test/kafka-container';

const sasl = { mechanism: 'plain', username: 'atlas', password: 'a-secret' } as const;

jest.setTimeout(180_000);

describe('The settings of the event log on Kafka', () => {
  let kafka: Awaited<ReturnType<typeof startSecuredKafka>>;
  let settings: KafkaEventLogOptions;
  const opened: KafkaEventLog[] = [];

  beforeAll(async () => {
    kafka = await startSecuredKafka(sasl);
    settings = { brokers: kafka.brokers, clientId: 'test', ssl: { ca: kafka.ca }, sasl };
  });

  afterAll(async () => {
    await Promise.all(opened.map((log) => log.close()));
    await kafka?.remove();
  });

  const open = async (changed: Partial<KafkaEventLogOptions> = {}): Promise<KafkaEventLog> => {
    const log = await KafkaEventLog.open({ ...settings, ...changed });
    opened.push(log);
    return log;
  };

  it('connect over TLS with a password, to publish, read and consume', async () => {
    const log = await open({ compression: 'gzip' });
    const topic = randomUUID();
    await log.ensureTopics([{ name: topic, partitions: 1 }]);
    await publish(log, { topic, key: 'a', headers: { of: 'one' }, value: Buffer.from('secret') });

    const read: string[] = [];
    for await (const { value } of log.read(topic, 0)) read.push(String(value));
    const handled = await new Promise<string[]>((resolve) => {
      void log.subscribe({
        group: topic,
        topics: [topic],
        handle: async ({ records }) => resolve(records.map(({ value }) => String(value))),
      });
    });

    expect(read).toEqual(['secret']);
    expect(handled).toEqual(['secret']);
  });

  it('fail immediately if the brokers reject the password', async () => {
    const log = await open({ sasl: { ...sasl, password: 'guessed' } });

    await expect(log.openPublisher('lending')).rejects.toThrow(/Invalid username or password/);
    await expect(
      log.subscribe({ group: 'lending', topics: ['lending'], handle: () => Promise.resolve() }),
    ).rejects.toThrow(/Invalid username or password/);
  });

  it('bound redelivery by the time a segment takes records plus its retention', async () => {
    const hour = 3_600_000;
    const log = await open({ retentionMs: 8 * hour });
    const forEver = await open();
    const [kept, keptForEver] = [`kept.${randomUUID()}`, `kept.${randomUUID()}`];
    await log.ensureTopics([{ name: kept, partitions: 1 }]);
    await forEver.ensureTopics([{ name: keptForEver, partitions: 1 }]);

    // A segment takes records for a quarter of the retention; brokers delete old ones periodically.
    expect(await log.redeliveryWindowMs([kept])).toBe(10.25 * hour);
    expect(await log.redeliveryWindowMs([kept, keptForEver])).toBe(Infinity);
  });

  it('determine the retention, replication and compression of new topics', async () => {
    const day = 86_400_000;
    const log = await open({ retentionMs: 7 * day, compression: 'gzip' });
    const forEver = await open();
    const [kept, keptForEver] = [`kept.${randomUUID()}`, `kept.${randomUUID()}`];
    await log.ensureTopics([{ name: kept, partitions: 2 }]);
    await forEver.ensureTopics([{ name: keptForEver, partitions: 2 }]);
    const source = randomUUID();
    await (await log.openPublisher(source)).close();
    const cursors = `atlas.cursors.${source}`;

    const client = new KafkaClient(settings);
    const admin = client.kafka.admin();
    await admin.connect();
    const { resources } = await admin.describeConfigs({
      includeSynonyms: false,
      resources: [kept, keptForEver, cursors].map((name) => ({
        type: ConfigResourceTypes.TOPIC,
        name,
      })),
    });
    client.destroy();
    const configs = new Map(
      resources.map(({ resourceName, configEntries }) => [
        resourceName,
        Object.fromEntries(configEntries.map(({ configName, configValue }) => [configName, configValue])),
      ]),
    );

    expect(configs.get(kept)).toMatchObject({
      'cleanup.policy': 'delete',
      'retention.ms': String(7 * day),
      'min.insync.replicas': '1',
      'compression.type': 'gzip',
    });
    expect(configs.get(keptForEver)).toMatchObject({
      'retention.ms': '-1',
      'compression.type': 'uncompressed',
    });
    expect(configs.get(cursors)).toMatchObject({ 'cleanup.policy': 'compact' });
    expect((await log.describe()).map(({ topic }) => topic)).not.toContain(cursors);
  });
});
