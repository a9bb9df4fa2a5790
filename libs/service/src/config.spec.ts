import { z } from 'zod';
import { loadConfig, serviceSettings } from './config';

describe('The settings of a service', () => {
  const settings = serviceSettings({ port: 4001 }).extend({
    PROVIDER_TIMEOUT_MS: z.coerce
      .number()
      .int()
      .min(1)
      .max(60_000)
      .default(2_000)
      .describe('a whole number of milliseconds from 1 to 60000'),
  });
  const urls = {
    DATABASE_URL: 'postgres://lending:secret@127.0.0.1:54329/lending',
    EVENT_LOG_URL: 'postgresql://log@127.0.0.1:54329/event_log',
  };

  it('have defaults, also where the environment has an empty value', () => {
    expect(loadConfig(settings, { ...urls, PORT: '', HOME: '/home/someone' })).toEqual({
      ...urls,
      HOST: '127.0.0.1',
      PORT: 4001,
      OUTBOX_RETENTION_HOURS: 168,
      DRAIN_MS: 0,
      MIGRATIONS: 'run',
      EVENT_TIMEOUT_MS: 30_000,
      DEAD_LETTERS_MAX: 10_000,
      ON_LOG_GAP: 'stop',
      HTTP_LOAD_SHEDDING: 'on',
      HTTP_LATENCY_TARGET_MS: 1_000,
      HTTP_MIN_IN_FLIGHT: 32,
      HTTP_MAX_IN_FLIGHT: 1_000,
      LOG_LEVEL: 'info',
      PROVIDER_TIMEOUT_MS: 2_000,
    });
  });

  it('are refused together, each with what it allows, and without its value', () => {
    const wrong = {
      DATABASE_URL: 'mysql://lending:secret@127.0.0.1/lending',
      PORT: '70000',
      LOG_LEVEL: 'loud',
      PROVIDER_TIMEOUT_MS: '-1',
    };
    const load = () => loadConfig(settings, wrong);
    expect(load).toThrow(
      [
        'PORT is wrong: it must be a TCP port from 1 to 65535, or 0 for any free one.',
        "DATABASE_URL is wrong: it must be the URL of this service's database, postgres://user:password@host/name.",
        "EVENT_LOG_URL is missing: it must be the event log's URL: kafka://host:port,host:port or, for the embedded log, its database's URL, postgres://user:password@host/name.",
        'LOG_LEVEL is wrong: it must be one of fatal, error, warn, info, debug, trace and silent.',
        'PROVIDER_TIMEOUT_MS is wrong: it must be a whole number of milliseconds from 1 to 60000.',
      ].join('\n'),
    );
    expect(load).not.toThrow('secret');
  });

  it.each(['kafka://localhost:9092', 'kafka://kafka-0.kafka:9092,kafka-1.kafka:9092'])(
    'take the brokers of an event log, %s',
    (EVENT_LOG_URL) => {
      expect(loadConfig(settings, { ...urls, EVENT_LOG_URL })).toMatchObject({ EVENT_LOG_URL });
    },
  );

  it.each([
    'kafka://localhost',
    'kafka://localhost:9092,',
    'kafka://user:secret@localhost:9092',
    'localhost:9092',
  ])('refuse %s as an event log', (EVENT_LOG_URL) => {
    expect(() => loadConfig(settings, { ...urls, EVENT_LOG_URL })).toThrow('EVENT_LOG_URL is wrong');
  });

  it.each(['', 'staging.', 'Team_1.atlas-2.'])('take the prefix %j on Kafka', (KAFKA_PREFIX) => {
    expect(loadConfig(settings, { ...urls, KAFKA_PREFIX })).toMatchObject(
      KAFKA_PREFIX ? { KAFKA_PREFIX } : {},
    );
  });

  it.each(['staging', '.', '.staging.', '__staging.', 'sta ging.', `${'x'.repeat(100)}.`])(
    'refuse the prefix %j on Kafka',
    (KAFKA_PREFIX) => {
      expect(() => loadConfig(settings, { ...urls, KAFKA_PREFIX })).toThrow('KAFKA_PREFIX is wrong');
    },
  );
});
