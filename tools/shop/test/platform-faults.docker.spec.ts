import { setTimeout as pause } from 'node:timers/promises';
import { topicOf } from '@atlas/events';
import type { OutgoingRecord } from '@atlas/ports/adapters';
import { SeededRandom, eventually, publish } from '@atlas/testing';
import { SERVICES } from '@atlas/cli/topology';
import { KafkaPlatform } from './kafka-platform';

const isFull = process.env['FAULTS'] === 'full';
const ORDERS = isFull ? 1_500 : 100;
const ROUNDS = isFull ? 6 : 1;

const random = SeededRandom.fromEnvironment();

jest.setTimeout(isFull ? 1_800_000 : 400_000);

describe(`The platform on Kafka (FAULTS_SEED=${random.seed})`, () => {
  let platform: KafkaPlatform;

  beforeAll(async () => {
    platform = await KafkaPlatform.start();
  });
  afterAll(() => platform?.remove());

  /** Orders while `trouble` happens that often at least; then nothing is lost, doubled or out of order. */
  async function orderDuring(
    trouble: () => Promise<void>,
    { atLeast = 1, beforeAudit }: { atLeast?: number; beforeAudit?: () => Promise<void> } = {},
  ): Promise<void> {
    let isOver = false;
    let troubles = 0;
    const troubling = (async () => {
      try {
        while (!isOver) {
          await trouble();
          troubles += 1;
        }
      } finally {
        isOver = true;
      }
    })();
    try {
      do {
        const { placed, confirmed, cancelled } = await platform.order(ORDERS, random);
        const settled = Object.values(cancelled).reduce((sum, count) => sum + count, confirmed);
        expect({ placed, settled }).toEqual({ placed: ORDERS, settled: ORDERS });
      } while (troubles < atLeast && !isOver);
    } finally {
      isOver = true;
      await troubling;
    }
    expect(troubles).toBeGreaterThanOrEqual(atLeast);
    await beforeAudit?.();
    await expectCleanAudit();
  }

  async function expectCleanAudit(): Promise<void> {
    const report = await platform.drained();
    expect(report.checks.flatMap(({ violations }) => violations)).toEqual([]);
    expect(report.checks.filter(({ checked }) => checked === 0)).toEqual([]);
  }

  const anyOf = <T>(values: readonly T[]): T => values[random.whole(0, values.length - 1)] as T;

  it('settles every order once while services and relays are killed', async () => {
    await orderDuring(async () => {
      await pause(random.whole(200, 1_200));
      const name = anyOf(platform.names);
      platform.kill(name);
      // Killed faster than it comes up, it would do nothing that could go wrong.
      await platform.untilReady(name);
    });
  });

  it('settles every order once while broker and database are killed, and stopped and started', async () => {
    const { kafka, postgres } = platform;
    const outages = [
      () => kafka.kill().then(() => kafka.start()),
      () => postgres.kill().then(() => postgres.start()),
      () => kafka.stop().then(() => kafka.start()),
      () => postgres.stop().then(() => postgres.start()),
    ];
    const enough = outages.length * ROUNDS;
    let outage = 0;
    await orderDuring(
      async () => {
        await pause(random.whole(1_000, 2_000));
        if (outage < enough) await outages[outage++ % outages.length]?.();
      },
      { atLeast: enough },
    );
  });

  it('settles every order once while members of the groups come, go and are killed', async () => {
    await orderDuring(async () => {
      const service = anyOf(SERVICES);
      const replica = await platform.join(service);
      await pause(random.whole(500, 2_000));
      // The new one goes, or the old one and comes back.
      if (random.fraction() < 0.5) platform.kill(service);
      await replica.stop(random.fraction() < 0.5 ? 15_000 : 0);
    });
  });

  it('handles nothing twice that was committed when its consumer was killed before the offset moved', async () => {
    const { kafka } = platform;
    let handledAgain = 0;
    for (let attempt = 0; attempt < 10 && handledAgain === 0; attempt++) {
      const ordering = platform.order(ORDERS, random);
      await pause(random.whole(500, 1_500));
      // Batches that were fetched are still handled; their offsets can't move any more.
      await kafka.pause();
      await pause(1_000);
      for (const service of SERVICES) platform.kill(service);
      await kafka.unpause();
      handledAgain += await handledBehindOffsets();
      await ordering;
    }
    expect(handledAgain).toBeGreaterThan(0);
    await expectCleanAudit();
  });

  /** How many events the services' inboxes hold that their groups are to get again. */
  async function handledBehindOffsets(): Promise<number> {
    const offsets = await platform.log.groupOffsets();
    let count = 0;
    for (const service of SERVICES) {
      const rows = await platform.query<{ id: string }>(service, 'SELECT event_id AS id FROM inbox');
      const handled = new Set(rows.map(({ id }) => id));
      for (const { topic, partition, committed } of offsets.filter(({ group }) => group === service)) {
        for await (const { headers } of platform.log.read(topic, partition, committed)) {
          if (handled.has(headers['ce_id'] ?? '')) count += 1;
        }
      }
    }
    return count;
  }

  it('does nothing more when every event is delivered a second time', async () => {
    await platform.order(ORDERS, random);
    await expectCleanAudit();
    const before = await footprint();
    await platform.stopProcesses();
    for (const service of SERVICES) {
      await platform.query(service, 'UPDATE consumer_position SET next_offset = 0');
    }
    await platform.startProcesses();
    await expectCleanAudit();
    expect(await footprint()).toEqual(before);
  });

  /** What handling an event once more would add to. */
  async function footprint() {
    const counts = SERVICES.map(async (service) => {
      const [row] = await platform.query<{ outbox: string; inbox: string; letters: string }>(
        service,
        `SELECT (SELECT count(*) FROM outbox) AS outbox, (SELECT count(*) FROM inbox) AS inbox,
           (SELECT count(*) FROM dead_letter) AS letters`,
      );
      return [service, row];
    });
    return Object.fromEntries(await Promise.all(counts)) as Record<string, object | undefined>;
  }

  it('sets aside what can not be read, and goes on with all else', async () => {
    const letters = async () => {
      const counts = SERVICES.map(async (service) => {
        const [row] = await platform.query<{ count: string }>(service, 'SELECT count(*) FROM dead_letter');
        return Number(row?.count);
      });
      return (await Promise.all(counts)).reduce((sum, count) => sum + count, 0);
    };
    const before = await letters();
    let poisons = 0;
    const publishPoison = async () => {
      if (poisons < 50) {
        await publish(platform.log, poison(`poison-${poisons}`));
        poisons += 1;
      }
      await pause(random.whole(20, 200));
    };
    await orderDuring(publishPoison, {
      beforeAudit: async () => {
        // Inventory and payments both read what orders publishes.
        await eventually(async () => (await letters()) === before + 2 * poisons);
        // While one is open, the audit compares no figures.
        await Promise.all(SERVICES.map((service) => platform.discardLetters(service)));
      },
    });
  });

  /** Something that no contract allows. */
  const poison = (key: string): OutgoingRecord => ({
    topic: topicOf('orders'),
    key,
    ...anyOf<Pick<OutgoingRecord, 'headers' | 'value'>>([
      { headers: {}, value: Buffer.from('what is this?') },
      { headers: { ce_specversion: '1.0', ce_id: 'not a UUID' }, value: Buffer.from('{}') },
      { headers: {}, value: Buffer.alloc(1_500_000) },
    ]),
  });
});
