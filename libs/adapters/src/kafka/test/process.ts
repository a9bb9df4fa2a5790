import { setTimeout } from 'node:timers/promises';
import { FencedError } from '@atlas/ports/adapters';
import { KafkaEventLog } from '../kafka-event-log';

/**
 * A separate process for the fault tests.
 *
 * `publish BROKER TOPIC SOURCE BATCH PAUSE_MS` publishes numbers that follow its cursor, `BATCH` at a time, and opens
 * its publisher again after every failure, except that it ends once it is deposed.
 *
 * `consume BROKER TOPIC GROUP` handles them, and retries until it has joined.
 */
const [, , mode, broker = '', topic = '', name = '', batch = '1', pauseMs = '0'] = process.argv;

const FILLER = 'x'.repeat(500);
const say = (...words: readonly unknown[]) => process.stdout.write(`${words.join(' ')}\n`);

async function main(): Promise<void> {
  const log = await KafkaEventLog.open({
    brokers: [broker],
    clientId: `test-${mode}`,
    onError: (error, during) => say('error', during, String(error)),
  });
  for (;;) {
    try {
      if (mode === 'publish') await publish(log);
      else return await consume(log);
    } catch (error) {
      if (error instanceof FencedError) {
        say('fenced');
        return log.close();
      }
      say('failed', String(error));
      await setTimeout(100);
    }
  }
}

async function publish(log: KafkaEventLog): Promise<void> {
  const session = await log.openPublisher(name);
  let last = Number(session.cursor ?? 0);
  say('opened', last);
  for (;;) {
    const numbers = Array.from({ length: Number(batch) }, (_, index) => last + 1 + index);
    const records = numbers.map((number) => ({
      topic,
      key: `key-${number % 50}`,
      headers: { number: String(number) },
      value: Buffer.from(FILLER),
    }));
    last += records.length;
    await session.publish(records, String(last));
    say('published', last);
    await setTimeout(Number(pauseMs));
  }
}

async function consume(log: KafkaEventLog): Promise<void> {
  await log.subscribe({
    group: name,
    topics: [topic],
    handle: async ({ records }) => {
      for (const { key, headers } of records) say('handled', key, headers['number']);
    },
  });
  say('joined');
}

void main();
