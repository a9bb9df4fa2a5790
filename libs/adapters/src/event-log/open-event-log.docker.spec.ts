import { randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { publish } from '@atlas/testing';
import { startSecuredKafka } from '../kafka/test/kafka-container';
import { type EventLogSettings, openEventLog } from './open-event-log';

jest.setTimeout(180_000);

const untold = (): void => undefined;

describe('The event log that the settings name, on brokers that want TLS and a password', () => {
  const username = 'atlas';
  const password = 'a-secret';
  let kafka: Awaited<ReturnType<typeof startSecuredKafka>>;
  let folder: string;
  let settings: EventLogSettings;

  beforeAll(async () => {
    kafka = await startSecuredKafka({ username, password });
    folder = await mkdtemp(join(tmpdir(), 'atlas-ca-'));
    await writeFile(join(folder, 'ca.pem'), kafka.ca);
    settings = {
      EVENT_LOG_URL: `kafka://${kafka.brokers.join()}`,
      KAFKA_SECURITY_PROTOCOL: 'SASL_SSL',
      KAFKA_SASL_USERNAME: username,
      KAFKA_SASL_PASSWORD: password,
      KAFKA_SSL_CA_FILE: join(folder, 'ca.pem'),
    };
  });

  afterAll(async () => {
    await kafka?.remove();
    await rm(folder, { recursive: true, force: true });
  });

  it('keeps what is published', async () => {
    const log = await openEventLog('test', settings, untold);
    const topic = randomUUID();
    await log.ensureTopics([{ name: topic, partitions: 1 }]);
    await publish(log, { topic, key: 'a', headers: {}, value: Buffer.from('kept') });

    const values: string[] = [];
    for await (const { value } of log.read(topic, 0)) values.push(String(value));
    await log.close();

    expect(values).toEqual(['kept']);
  });

  it.each([
    ['a password', { KAFKA_SASL_PASSWORD: undefined }, 'set both'],
    ['its certificates', { KAFKA_SSL_CA_FILE: '/nowhere/ca.pem' }, "KAFKA_SSL_CA_FILE can't be read"],
  ])('is not opened without %s', async (_, changed, sentence) => {
    await expect(openEventLog('test', { ...settings, ...changed }, untold)).rejects.toThrow(sentence);
  });
});
