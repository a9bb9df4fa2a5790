import { randomUUID } from 'node:crypto';
import { TopicsDifferError } from '@atlas/ports/adapters';
import { eventually, publish } from '@atlas/testing';
import { metrics } from '@opentelemetry/api';
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics';
import { type Admin, ConfigResourceTypes, Partitioners } from 'kafkajs';
import { aclsFor, type LogUse } from './acls';
import { KafkaClient } from './client';
import { KafkaEventLog, type KafkaEventLogOptions } from './kafka-event-log';
import { startSecuredKafka, type User } from './test/kafka-container';

const sasl = { mechanism: 'plain', username: 'atlas', password: 'a-secret' } as const;

const PREFIX = 'secured.';
const LENDING = 'lending.events';
const user = (use: LogUse): User => ({
  username: use.user,
  password: 'a-secret',
  acls: aclsFor(use, PREFIX),
});
const RELAY = user({
  user: 'lending-relay',
  publishes: { source: 'lending', topic: LENDING, consumers: ['shelves'] },
});
const CONSUMER = user({ user: 'shelves', consumes: { group: 'shelves', topics: [LENDING] } });
const OPERATOR = user({ user: 'operator', watches: { topics: [LENDING], groups: ['shelves'] } });
/** Two that lack the permission on what isn't a topic, and one that has none. */
const WRITER = { ...RELAY, username: 'writer', acls: aclsOf('writer', RELAY, '--topic') };
const READER = { ...CONSUMER, username: 'reader', acls: aclsOf('reader', CONSUMER, '--topic') };
const NOBODY: User = { username: 'nobody', password: 'a-secret', acls: [] };

/** Those of another user's ACLs that name this kind of resource. */
function aclsOf(username: string, other: User, kind: string): readonly string[] {
  return other.acls
    .filter((acl) => acl.includes(`${kind} `))
    .map((acl) => acl.replace(`User:${other.username} `, `User:${username} `));
}

jest.setTimeout(180_000);

describe('The settings of the event log on Kafka', () => {
  let kafka: Awaited<ReturnType<typeof startSecuredKafka>>;
  let settings: KafkaEventLogOptions;
  const opened: KafkaEventLog[] = [];

  beforeAll(async () => {
    kafka = await startSecuredKafka(sasl, [RELAY, CONSUMER, OPERATOR, WRITER, READER, NOBODY]);
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

  describe('with the fewest ACLs', () => {
    const TOPICS = [{ name: LENDING, partitions: 2 }];
    const record = { topic: LENDING, key: 'a', headers: {}, value: Buffer.from('a loan') };
    let errors: string[];

    const as = ({ username, password }: User) => {
      errors = [];
      return open({
        sasl: { ...sasl, username, password },
        prefix: PREFIX,
        onError: (error) => errors.push(String(error)),
      });
    };
    const refusal = (work: Promise<unknown>) =>
      work.then(
        () => 'allowed',
        (error: unknown) => String(error),
      );
    const consume = (log: KafkaEventLog, group = 'shelves') => {
      const handled = Promise.withResolvers<string>();
      return {
        handled: handled.promise,
        joined: log.subscribe({
          group,
          topics: [LENDING],
          handle: async ({ records }) => handled.resolve(String(records[0]?.value)),
        }),
      };
    };

    beforeAll(async () => {
      await (await as(RELAY)).ensureTopics(TOPICS);
    });

    it('a relay publishes, a service consumes, and an operator looks on', async () => {
      const relay = await as(RELAY);
      await (await relay.openPublisher('lending')).publish([record], '1');
      expect((await relay.openPublisher('lending')).cursor).toBe('1');

      const service = await as(CONSUMER);
      await service.checkTopics(TOPICS);
      expect(await service.redeliveryWindowMs([LENDING])).toBe(Infinity);
      const { handled, joined } = consume(service);
      expect(await handled).toBe('a loan');
      await (await joined).stop();

      const operator = await as(OPERATOR);
      for (const log of [relay, operator]) {
        const ends = await log.describe([LENDING]);
        expect(ends.map(({ end }) => end).sort()).toEqual([0, expect.any(Number)]);
        expect((await log.groupOffsets(['shelves'])).map(({ group }) => group)).toContain('shelves');
      }
      const read: string[] = [];
      for (const partition of [0, 1]) {
        for await (const { value } of operator.read(LENDING, partition)) read.push(String(value));
      }
      expect(read).toEqual(['a loan']);
    });

    it('a service can neither write, create or delete topics, nor take over a publisher or another group', async () => {
      const service = await as(CONSUMER);
      const client = new KafkaClient({ ...settings, sasl: { ...sasl, username: CONSUMER.username } });
      const admin = client.kafka.admin();
      await admin.connect();
      const producer = client.kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner });
      await producer.connect();

      const refused = [
        service.ensureTopics([{ name: 'another', partitions: 1 }]),
        service.openPublisher('lending'),
        service.seekGroup('another', LENDING, 0, 0),
        producer.send({ topic: `${PREFIX}${LENDING}`, messages: [{ key: 'a', value: 'forged' }] }),
        admin.createTopics({ topics: [{ topic: `${PREFIX}another`, numPartitions: 1 }] }),
        admin.deleteTopics({ topics: [`${PREFIX}${LENDING}`] }),
      ];
      for (const work of refused.map(refusal))
        expect(await work).toMatch(/denies|[Aa]uthoriz|creation errors/);
      client.destroy();
      const topics = (await (await as(OPERATOR)).describe([LENDING])).map(({ topic }) => topic);
      expect(topics).toEqual([LENDING, LENDING]);
    });

    it.each<[string, User, (log: KafkaEventLog) => Promise<unknown>, string]>([
      [
        'a relay without its topic',
        NOBODY,
        (log) => log.ensureTopics(TOPICS),
        `the user "nobody" a permission: it needs Create, Write and DescribeConfigs on topic "${PREFIX}${LENDING}".`,
      ],
      [
        'a relay without the topic of its cursor',
        READER,
        (log) => log.openPublisher('lending'),
        `it needs Create, Read, Write and DescribeConfigs on topic "${PREFIX}atlas.cursors.lending".`,
      ],
      [
        'a relay without its transactional id',
        WRITER,
        (log) => log.openPublisher('lending'),
        `it needs Write on transactional id "${PREFIX}atlas-lending".`,
      ],
      [
        'a service without its topics',
        NOBODY,
        (log) => log.checkTopics(TOPICS),
        `it needs Read and DescribeConfigs on topic "${PREFIX}${LENDING}".`,
      ],
      [
        'a service without its group',
        READER,
        async (log) => {
          await consume(log).joined;
          await eventually(() => errors.length > 0);
          throw new Error(errors[0]);
        },
        `it needs Read on group "${PREFIX}shelves".`,
      ],
      [
        'a service that may only see its topics',
        OPERATOR,
        (log) => log.redeliveryWindowMs([LENDING]),
        `it needs Read and DescribeConfigs on topic "${PREFIX}${LENDING}".`,
      ],
      [
        'an operator without the groups',
        READER,
        (log) => log.groupOffsets(['shelves']),
        `it needs Describe on group "${PREFIX}shelves".`,
      ],
    ])('%s is told what it needs', async (_, who, work, sentence) => {
      expect(await refusal(work(await as(who)))).toContain(sentence);
    });
  });

  describe('and the topics that are there', () => {
    const HOUR = 3_600_000;
    let topic: string;
    let warnings: string[];
    let log: KafkaEventLog;

    beforeEach(async () => {
      topic = `kept.${randomUUID()}`;
      warnings = [];
      log = await open({ retentionMs: 8 * HOUR, onError: (error) => warnings.push(String(error)) });
      await log.ensureTopics([{ name: topic, partitions: 2 }]);
    });

    const administer = async <T>(work: (admin: Admin) => Promise<T>): Promise<T> => {
      const client = new KafkaClient(settings);
      try {
        const admin = client.kafka.admin();
        await admin.connect();
        return await work(admin);
      } finally {
        client.destroy();
      }
    };

    /** Changes one setting of a topic; unlike kafka-configs.sh, kafkajs resets those that it doesn't name. */
    const change = (name: string, setting: string, value: string) =>
      administer(async (admin) => {
        const { resources } = await admin.describeConfigs({
          includeSynonyms: false,
          resources: [{ type: ConfigResourceTypes.TOPIC, name }],
        });
        const kept = (resources[0]?.configEntries ?? [])
          .filter(({ isDefault, configName }) => !isDefault && configName !== setting)
          .map(({ configName, configValue }) => ({ name: configName, value: configValue }));
        const configEntries = [...kept, { name: setting, value }];
        await admin.alterConfigs({
          validateOnly: false,
          resources: [{ type: ConfigResourceTypes.TOPIC, name, configEntries }],
        });
      });

    const ensure = () => log.ensureTopics([{ name: topic, partitions: 2 }]);
    const check = () => log.checkTopics([{ name: topic, partitions: 2 }]);

    it('agree when nothing has changed', async () => {
      await ensure();
      await check();
      expect(warnings).toEqual([]);
    });

    it.each([
      ['cleanup.policy', 'compact', 'all but the last event of each key would be deleted'],
      ['message.timestamp.type', 'CreateTime', "would depend on producers' clocks"],
      ['compression.type', 'zstd', "consumers couldn't read records"],
    ])('stop writers and readers if %s is %s', async (setting, value, harm) => {
      await change(topic, setting, value);
      for (const attempt of [ensure, check]) {
        const error = await attempt().catch((reason: unknown) => reason);
        expect(error).toBeInstanceOf(TopicsDifferError);
        expect(String(error)).toContain(`Topic "${topic}" has ${setting}=${value}, not`);
        expect(String(error)).toContain(harm);
        expect(String(error)).toContain(`--entity-name ${topic} --add-config ${setting}=`);
      }
    });

    it.each([
      ['retention.ms', String(HOUR), 'EVENT_LOG_RETENTION_HOURS'],
      ['retention.bytes', '1000000', 'deleted before a slow consumer has read them'],
      ['min.insync.replicas', '2', 'nothing can be written, because there are only 1 replicas'],
      ['unclean.leader.election.enable', 'true', 'lost when a broker fails'],
      ['max.message.bytes', '1000', 'a large event would stop its relay'],
    ])('stop writers if %s is %s', async (setting, value, sentence) => {
      await change(topic, setting, value);
      await expect(ensure()).rejects.toThrow(sentence);
      await check();
    });

    it('stop writers with a sentence for each difference', async () => {
      await change(topic, 'cleanup.policy', 'compact');
      await change(topic, 'retention.bytes', '1');
      await administer((admin) => admin.createPartitions({ topicPartitions: [{ topic, count: 3 }] }));
      const error = await ensure().catch((reason: unknown) => reason as Error);
      expect((error as Error).message.split('\n')).toEqual([
        `Topic "${topic}" has 3 partitions, not 2: keys would move. Declare 3, or create a new topic instead.`,
        expect.stringContaining('cleanup.policy=compact'),
        expect.stringContaining('retention.bytes=1'),
      ]);
    });

    it('stop a writer that wants more replicas than there are', async () => {
      const careful = await open({ replicationFactor: 3, retentionMs: 8 * HOUR });
      await expect(careful.ensureTopics([{ name: topic, partitions: 2 }])).rejects.toThrow(
        `Topic "${topic}" keeps each record on 1 brokers, not 3: it could be lost with them.`,
      );
    });

    it('warn and count if they differ without harm', async () => {
      const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
      const reader = new PeriodicExportingMetricReader({ exporter });
      const provider = new MeterProvider({ readers: [reader] });
      metrics.setGlobalMeterProvider(provider);
      log = await open({ retentionMs: 8 * HOUR, onError: (error) => warnings.push(String(error)) });
      await change(topic, 'retention.ms', String(9 * HOUR));
      await change(topic, 'max.message.bytes', '8000000');

      await ensure();

      await reader.forceFlush();
      metrics.disable();
      const points = exporter.getMetrics().flatMap(({ scopeMetrics }) => scopeMetrics);
      await provider.shutdown();
      expect(warnings).toEqual([
        expect.stringContaining(
          `has retention.ms=${9 * HOUR}, not ${8 * HOUR}. Change it with: kafka-configs.sh`,
        ),
        expect.stringContaining('has max.message.bytes=8000000, not 4194304.'),
      ]);
      expect(points.flatMap((scope) => scope.metrics)).toMatchObject([
        {
          descriptor: { name: 'atlas.log.topic.differences' },
          dataPoints: [{ attributes: { topic }, value: 2 }],
        },
      ]);
    });

    it('stop a publisher whose cursors would be deleted', async () => {
      const source = randomUUID();
      await (await log.openPublisher(source)).close();
      await change(`atlas.cursors.${source}`, 'cleanup.policy', 'delete');
      await expect(log.openPublisher(source)).rejects.toThrow(
        `Topic "atlas.cursors.${source}" has cleanup.policy=delete, not compact: the cursor would be deleted`,
      );
    });
  });
});
