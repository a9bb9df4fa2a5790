import { randomUUID } from 'node:crypto';
import {
  type ConsumedRecord,
  type Consumer,
  type EventLog,
  FencedError,
  MissingTopicsError,
  type OutgoingRecord,
  type PartitionDescription,
  type PublisherSession,
  type RecordBatch,
  type Subscription,
  TopicsDifferError,
} from '@atlas/ports/adapters';
import { eventually } from './eventually';
import { publish as publishTo } from './publish';

/** An event log under test, and the processes that use it. */
export interface EventLogUnderTest {
  /** Opens the log as another independent process would. The suite closes it. */
  connect(onError: (error: unknown) => void): Promise<EventLog>;
  /** Deletes a topic with its records, as an operator would. */
  deleteTopic(name: string): Promise<void>;
  /** Deletes the partition's records before this offset, as retention would. */
  deleteRecords(topic: string, partition: number, before: number): Promise<void>;
  /** Called after all are closed. */
  drop(): Promise<void>;
}

/** Long enough for engines whose rebalances take seconds; each wait ends as soon as possible. */
const DEADLINE_MS = 60_000;

const PARTITIONS = 6;

/** The contract that every adapter of the port must pass, against a real engine. Call it at the top level of a spec. */
export function eventLogContract(name: string, createLog: () => Promise<EventLogUnderTest>): void {
  describe(name, () => {
    let underTest: EventLogUnderTest;
    let opened: EventLog[] = [];
    let log: EventLog;
    let topic: string;
    let group: string;
    let errors: unknown[] = [];

    const anotherProcess = async (): Promise<EventLog> => {
      const process = await underTest.connect((error) => errors.push(error));
      opened.push(process);
      return process;
    };

    beforeAll(async () => {
      underTest = await createLog();
    }, 4 * DEADLINE_MS);

    beforeEach(async () => {
      errors = [];
      log = await anotherProcess();
      topic = `contract.${randomUUID()}`;
      group = `group.${randomUUID()}`;
      await log.ensureTopics([{ name: topic, partitions: PARTITIONS }]);
    }, DEADLINE_MS);

    afterEach(async () => {
      await Promise.all(opened.map((process) => process.close()));
      opened = [];
    }, DEADLINE_MS);

    afterAll(async () => {
      await underTest.drop();
    }, DEADLINE_MS);

    /** A test case with a timeout that covers its waits. */
    const test = (sentence: string, body: () => Promise<void>) => it(sentence, body, 3 * DEADLINE_MS);

    const record = (key: string, value: string | Buffer = key): OutgoingRecord => ({
      topic,
      key,
      headers: { 'content-type': 'text/plain' },
      value: Buffer.from(value),
    });

    const numbered = (count: number, keys = 20): OutgoingRecord[] =>
      Array.from({ length: count }, (_, number) => record(`key-${number % keys}`, `${number}`));

    const publish = (records: readonly OutgoingRecord[], through = log): Promise<void> =>
      publishTo(through, ...records);

    const readAll = async (from = log): Promise<ConsumedRecord[]> => {
      const records: ConsumedRecord[] = [];
      for (let partition = 0; partition < PARTITIONS; partition += 1) {
        for await (const each of from.read(topic, partition)) records.push(each);
      }
      return records;
    };

    const joinAs = async (member: Member, subscription: Partial<Subscription> = {}): Promise<Member> => {
      member.consumer = await (
        await anotherProcess()
      ).subscribe({
        group,
        topics: [topic],
        handle: member.handle,
        ...subscription,
      });
      return member;
    };

    const identity = async (): Promise<string | undefined> =>
      (await log.describe()).find((each) => each.topic === topic)?.log;

    const allPartitions = () => Array.from({ length: PARTITIONS }, (_, number) => `${topic}/${number}`);

    const shared = (...members: Member[]) =>
      eventually(() => {
        const owned = members.map((member) => member.consumer?.assignment() ?? []);
        expect(owned.flat().sort()).toEqual(allPartitions());
        const share = PARTITIONS / members.length;
        for (const each of owned) {
          expect(each.length).toBeGreaterThanOrEqual(Math.floor(share));
          expect(each.length).toBeLessThanOrEqual(Math.ceil(share));
        }
        return true;
      }, DEADLINE_MS);

    const handled = (count: number, ...members: Member[]) =>
      eventually(() => members.flatMap((member) => member.records).length >= count, DEADLINE_MS);

    // Only partitions that have records: an engine need not store an offset for the others.
    const committed = async (): Promise<number[]> => {
      const offsets = (await log.groupOffsets()).filter(
        (each) => each.group === group && each.topic === topic && each.committed > 0,
      );
      return offsets.sort((a, b) => a.partition - b.partition).map((each) => each.committed);
    };

    const ends = async (): Promise<number[]> =>
      (await log.describe()).filter((each) => each.topic === topic && each.end > 0).map((each) => each.end);

    /** Waits until the group has committed every record so far. */
    const caughtUp = () =>
      eventually(async () => {
        const offsets = (await log.groupOffsets()).filter((each) => each.group === group);
        const described = (await log.describe()).filter(
          (each) => each.topic === topic && each.end > each.start,
        );
        for (const { partition, end } of described) {
          expect(offsets.find((each) => each.partition === partition)?.committed).toBe(end);
        }
        return true;
      }, DEADLINE_MS);

    describe('topics', () => {
      test('are created once, however many processes request them', async () => {
        const processes = await Promise.all([anotherProcess(), anotherProcess(), anotherProcess()]);
        const another = { name: `contract.${randomUUID()}`, partitions: 3 };

        await Promise.all(processes.map((process) => process.ensureTopics([another])));

        const described = (await log.describe()).filter((each) => each.topic === another.name);
        const identity = described[0]?.log;
        expect(described).toEqual(
          [0, 1, 2].map((partition) => ({
            topic: another.name,
            partition,
            log: identity,
            start: 0,
            end: 0,
          })),
        );
      });

      test('have an identity, which their records carry, and another one when they are made anew', async () => {
        const before = await identity();
        await publish(numbered(10));
        const member = await joinAs(new Member());
        await handled(10, member);
        for (const records of [await readAll(), member.records]) {
          expect(new Set(records.map((each) => each.log))).toEqual(new Set([before]));
        }

        await underTest.deleteTopic(topic);
        await eventually(async () => {
          await log.ensureTopics([{ name: topic, partitions: PARTITIONS }]);
          return (await identity()) !== before;
        }, DEADLINE_MS);
        await publish(numbered(20));
        // Neither publishing process nor running member needs a restart; the member takes none of the new records for
        // one of before.
        await handled(30, member);

        const after = await identity();
        for (const records of [await readAll(), member.records.slice(10)]) {
          expect(new Set(records.map((each) => each.log))).toEqual(new Set([after]));
        }
        expect(after).not.toBe(before);
      });

      test('are refused if they exist with another number of partitions', async () => {
        await expect(log.ensureTopics([{ name: topic, partitions: PARTITIONS + 1 }])).rejects.toThrow(
          TopicsDifferError,
        );
        await expect(log.checkTopics([{ name: topic, partitions: PARTITIONS - 1 }])).rejects.toThrow(
          TopicsDifferError,
        );
        await expect(log.checkTopics([{ name: topic, partitions: PARTITIONS }])).resolves.toBeUndefined();
      });

      test('that don’t exist are missed by who reads them, who doesn’t create them', async () => {
        const missing = `missing.${randomUUID()}`;
        const specs = [
          { name: topic, partitions: PARTITIONS },
          { name: missing, partitions: 2 },
        ];
        const absent = new MissingTopicsError([missing]);

        await expect(log.checkTopics(specs)).rejects.toThrow(absent);
        await expect(joinAs(new Member(), { topics: [topic, missing] })).rejects.toThrow(absent);
        expect(await log.describe([missing])).toEqual([]);
        await (await anotherProcess()).ensureTopics(specs);

        await log.checkTopics(specs);
        const member = await joinAs(new Member(), { topics: [topic, missing] });
        await publish([...numbered(5), { ...record('late'), topic: missing }]);
        await handled(6, member);
      });

      test('and groups are described if they are asked for', async () => {
        const [other, group2] = [`contract.${randomUUID()}`, `group.${randomUUID()}`];
        await log.ensureTopics([{ name: other, partitions: 1 }]);
        await log.seekGroup(group, topic, 2, 0);
        await log.seekGroup(group2, other, 0, 0);

        const topicsOf = async (...asked: [(readonly string[])?]) =>
          new Set((await log.describe(...asked)).map((each) => each.topic));
        const groupsOf = async (...asked: [(readonly string[])?]) =>
          (await log.groupOffsets(...asked)).map((each) => each.group);

        expect(await topicsOf([other, 'nowhere'])).toEqual(new Set([other]));
        expect(await topicsOf([])).toEqual(new Set());
        expect([...(await topicsOf())]).toEqual(expect.arrayContaining([topic, other]));
        expect(await groupsOf([group2, 'nobody'])).toEqual([group2]);
        expect(await groupsOf([])).toEqual([]);
        expect(await groupsOf()).toEqual(expect.arrayContaining([group, group2]));
      });

      test('that don’t exist fail the whole publish', async () => {
        const publisher = await log.openPublisher(randomUUID());
        const missing = { ...record('a'), topic: `missing.${randomUUID()}` };

        await expect(publisher.publish([...numbered(50), missing], 'never')).rejects.toThrow();

        expect(await readAll()).toEqual([]);
      });
    });

    describe('records', () => {
      test('keep their partition and order by key', async () => {
        const publisher = await log.openPublisher(randomUUID());
        for (let batch = 0; batch < 5; batch += 1) {
          await publisher.publish(
            numbered(100).map((each) => ({ ...each, headers: { batch: `${batch}` } })),
            `${batch}`,
          );
        }

        const byKey = Map.groupBy(await readAll(), (each) => each.key);

        expect(byKey.size).toBe(20);
        for (const records of byKey.values()) {
          expect(new Set(records.map((each) => each.partition)).size).toBe(1);
          const order = records.map((each) => Number(each.headers['batch']) * 100 + Number(each.value));
          expect(order).toHaveLength(25);
          expect(order).toEqual([...order].sort((a, b) => a - b));
        }
      });

      test('go to the partition that Kafka would choose, so that a key has the same partition on every log', async () => {
        await publish(
          ['21', 'foobar', 'a-little-bit-long-string', 'a-little-bit-longer-string', 'abc'].map((key) =>
            record(key),
          ),
        );

        const partitions: Record<string, number> = {};
        for (const each of await readAll()) partitions[each.key ?? ''] = each.partition;

        // From the hashes in Kafka's own UtilsTest: -973932308, -790332482, -985981536, -1486304829, 479470107.
        expect(partitions).toEqual({
          '21': (-973932308 & 0x7fffffff) % PARTITIONS,
          foobar: (-790332482 & 0x7fffffff) % PARTITIONS,
          'a-little-bit-long-string': (-985981536 & 0x7fffffff) % PARTITIONS,
          'a-little-bit-longer-string': (-1486304829 & 0x7fffffff) % PARTITIONS,
          abc: 479470107 % PARTITIONS,
        });
      });

      test('survive a round trip: binary values, quotes, unicode, nothing, a megabyte', async () => {
        const everyByte = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
        const sent: OutgoingRecord[] = [
          { topic, key: 'bytes', headers: {}, value: everyByte },
          { topic, key: 'empty', headers: { empty: '' }, value: Buffer.alloc(0) },
          {
            topic,
            key: 'żółć 🧺 "\\{},',
            headers: { naïve: '日本語 🧺 "\\{}, \0' },
            value: Buffer.from('🧺\0\\x'),
          },
          { topic, key: 'large', headers: { size: 'a megabyte' }, value: Buffer.alloc(1_000_000, everyByte) },
        ];
        const before = Date.now();
        await publish(sent);

        const read = await readAll();
        const member = await joinAs(new Member());
        await handled(sent.length, member);

        for (const records of [read, member.records]) {
          expect(records).toHaveLength(sent.length);
          for (const { key, headers, value } of sent) {
            const found = records.find((each) => each.key === key);
            expect(found?.headers).toEqual(headers);
            expect(found?.value?.equals(value)).toBe(true);
            // The engine may run on another machine's clock.
            expect(Math.abs((found?.timestamp ?? 0) - before)).toBeLessThan(DEADLINE_MS);
          }
        }
      });

      test('can be read from any offset up to the end', async () => {
        await publish(numbered(1_200, 1));
        const [first] = await readAll();
        const partition = first?.partition ?? -1;

        const tail: string[] = [];
        for await (const each of log.read(topic, partition, (first?.offset ?? 0) + 700))
          tail.push(textOf(each));

        expect(tail).toEqual(
          numbered(1_200)
            .map((each) => textOf(each))
            .slice(700),
        );
      });

      test('get ascending offsets, in order per source, under concurrent publishing', async () => {
        const ROUNDS = 50;
        const keys = ['one', 'two', 'three', 'four', 'five', 'six', 'seven'];
        await Promise.all(
          ['a', 'b', 'c', 'd'].map(async (source) => {
            const publisher = await (await anotherProcess()).openPublisher(`${topic}.${source}`);
            for (let round = 0; round < ROUNDS; round += 1) {
              // Each starts at a different key, to provoke conflicts.
              const order = source < 'c' ? keys : [...keys].reverse();
              await publisher.publish(
                order.map((key) => ({ ...record(key, `${round}`), headers: { source } })),
                `${round}`,
              );
            }
          }),
        );

        const records = await readAll();

        expect(records).toHaveLength(4 * ROUNDS * keys.length);
        for (const inPartition of Map.groupBy(records, (each) => each.partition).values()) {
          const offsets = inPartition.map((each) => each.offset);
          expect(offsets).toEqual([...new Set(offsets)].sort((a, b) => a - b));
        }
        for (const series of Map.groupBy(
          records,
          (each) => `${each.headers['source']} ${each.key}`,
        ).values()) {
          expect(series.map((each) => textOf(each))).toEqual(
            Array.from({ length: ROUNDS }, (_, round) => `${round}`),
          );
        }
      });

      test('of one publish become visible together', async () => {
        const publisher = await log.openPublisher(randomUUID());
        const reader = await anotherProcess();
        const whole = numbered(40, 1);
        let publishing = true;
        const published = (async () => {
          for (let round = 0; round < 30; round += 1) await publisher.publish(whole, `${round}`);
        })().finally(() => (publishing = false));

        const counts: number[] = [];
        while (publishing) counts.push((await readAll(reader)).length);
        await published;
        counts.push((await readAll(reader)).length);

        expect(counts.filter((count) => count % whole.length !== 0)).toEqual([]);
        expect(counts.at(-1)).toBe(30 * whole.length);
      });
    });

    describe('a publisher', () => {
      let source: string;

      beforeEach(() => {
        source = `source.${randomUUID()}`;
      });

      test('starts without a cursor and resumes at the cursor stored with the last records', async () => {
        const first = await log.openPublisher(source);
        expect(first.cursor).toBeUndefined();
        await first.publish(numbered(10), 'ten');
        await first.publish([], 'nothing to say');
        await first.close();

        const second = await (await anotherProcess()).openPublisher(source);
        expect(second.cursor).toBe('nothing to say');
        await second.publish(numbered(5), '{"at": 15}');

        expect((await (await anotherProcess()).openPublisher(source)).cursor).toBe('{"at": 15}');
        expect((await (await anotherProcess()).openPublisher(`another.${source}`)).cursor).toBeUndefined();
        expect(await readAll()).toHaveLength(15);
      });

      test('that was deposed can no longer publish, and leaves no records', async () => {
        const deposed = await log.openPublisher(source);
        await deposed.publish([record('a', 'before')], 'before');
        const successor = await (await anotherProcess()).openPublisher(source);

        await expect(deposed.publish([record('a', 'too late')], 'too late')).rejects.toThrow(FencedError);
        await expect(deposed.publish([record('a', 'too late')], 'too late')).rejects.toThrow(FencedError);
        await successor.publish([record('a', 'after')], 'after');

        expect((await readAll()).map((each) => textOf(each))).toEqual(['before', 'after']);
        expect((await log.openPublisher(source)).cursor).toBe('after');
      });

      test('can compete with others for the same source, without duplicates or gaps', async () => {
        const rivals = await Promise.all([anotherProcess(), anotherProcess(), anotherProcess()]);
        // Each publishes the number after the cursor, up to 40.
        const publishUpTo40 = async (process: EventLog): Promise<void> => {
          for (;;) {
            let session: PublisherSession | undefined;
            try {
              session = await process.openPublisher(source);
              for (let next = Number(session.cursor ?? 0) + 1; next <= 40; next += 1) {
                await session.publish([record('a', `${next}`)], `${next}`);
              }
              return;
            } catch (error) {
              if (!(error instanceof FencedError)) throw error;
            } finally {
              await session?.close();
            }
          }
        };

        await Promise.all(rivals.map(publishUpTo40));

        expect((await readAll()).map((each) => Number(each.value))).toEqual(
          Array.from({ length: 40 }, (_, index) => index + 1),
        );
      });
    });

    describe('a consumer group', () => {
      test('starts at the oldest record, and receives new ones', async () => {
        await publish(numbered(30));
        const member = await joinAs(new Member());
        await handled(30, member);

        await publish(numbered(10));
        await handled(40, member);

        expect(member.consumer?.assignment()).toEqual(allPartitions());
        expect(member.records).toHaveLength(40);
        await caughtUp();
      });

      test('gets each partition’s records in order, within the batch limit', async () => {
        await publish(numbered(300));
        const member = await joinAs(new Member(), { maxBatchRecords: 7 });
        await handled(300, member);

        expect(Math.max(...member.batches.map((batch) => batch.records.length))).toBeLessThanOrEqual(7);
        for (const { topic: of, partition, records } of member.batches) {
          expect(records.every((each) => each.topic === of && each.partition === partition)).toBe(true);
        }
        for (const series of Map.groupBy(member.records, (each) => each.partition).values()) {
          const offsets = series.map((each) => each.offset);
          expect(offsets).toEqual([...offsets].sort((a, b) => a - b));
        }
        expect(member.mostAtOnce).toBe(1);
      });

      test('shares the partitions, and handles each record once if nothing fails', async () => {
        const members = [await joinAs(new Member()), await joinAs(new Member())];
        await shared(...members);

        await publish(numbered(500, 100));
        await handled(500, ...members);
        await caughtUp();

        const values = members.flatMap((member) => member.records).map((each) => Number(each.value));
        expect(values.sort((a, b) => a - b)).toEqual(Array.from({ length: 500 }, (_, number) => number));
        for (const member of members) expect(member.records.length).toBeGreaterThan(0);
      });

      test('rebalances when a member joins or leaves', async () => {
        const first = await joinAs(new Member());
        await shared(first);
        const second = await joinAs(new Member());
        const third = await joinAs(new Member());
        await shared(first, second, third);

        await first.consumer?.stop();
        await shared(second, third);
        await third.consumer?.stop();
        await shared(second);
        expect(first.consumer?.assignment()).toEqual([]);
      });

      test('leaves partitions where they are, as far as an even share allows', async () => {
        const members = [await joinAs(new Member()), await joinAs(new Member()), await joinAs(new Member())];
        await shared(...members);
        const [leaver, ...others] = members as [Member, Member, Member];
        const before = others.map((member) => member.consumer?.assignment() ?? []);

        await leaver.consumer?.stop();
        await shared(...others);
        const heir = await joinAs(new Member());
        await shared(...others, heir);

        others.forEach((member, index) => {
          const kept = (before[index] ?? []).filter((name) => member.consumer?.assignment().includes(name));
          expect(kept.length).toBeGreaterThan(0);
        });
        const moved = others.flatMap((member, index) =>
          (member.consumer?.assignment() ?? []).filter((name) => !before[index]?.includes(name)),
        );
        expect(moved.length).toBeLessThanOrEqual(2);
      });

      test('may have more members than partitions', async () => {
        const members: Member[] = [];
        for (let number = 0; number <= PARTITIONS; number += 1) members.push(await joinAs(new Member()));
        await shared(...members);

        await publish(numbered(60));
        await handled(60, ...members);
      });

      test('reads several topics, whose partitions are shared as a whole', async () => {
        const another = `contract.${randomUUID()}`;
        await log.ensureTopics([{ name: another, partitions: 2 }]);
        const member = await joinAs(new Member(), { topics: [topic, another] });

        await publish([...numbered(10), { ...record('elsewhere'), topic: another }]);
        await handled(11, member);

        expect(member.consumer?.assignment()).toEqual(
          [...allPartitions(), `${another}/0`, `${another}/1`].sort(),
        );
        expect(member.records.filter((each) => each.topic === another)).toHaveLength(1);
      });

      test('resumes at its committed offset when another member takes over', async () => {
        const first = await joinAs(new Member());
        await publish(numbered(100));
        await handled(100, first);
        await first.consumer?.stop();
        await publish([record('key-0', 'news')]);

        const second = await joinAs(new Member());
        await handled(1, second);
        await caughtUp();

        expect(second.records.map((each) => textOf(each))).toEqual(['news']);
      });

      test('neither loses nor duplicates records while members join and leave', async () => {
        const members = [await joinAs(new Member())];
        let published = 0;
        for (let round = 0; round < 4; round += 1) {
          await publish(numbered(100).map((each) => ({ ...each, headers: { round: `${round}` } })));
          published += 100;
          if (round % 2 === 0) members.push(await joinAs(new Member()));
          else await members.find((member) => member.consumer?.assignment().length)?.consumer?.stop();
        }
        await handled(published, ...members);
        await caughtUp();

        const seen = members
          .flatMap((member) => member.records)
          .map((each) => `${each.headers['round']} ${textOf(each)}`);
        expect(new Set(seen).size).toBe(published);
        expect(seen).toHaveLength(published);
      });

      test('redelivers the records that a handler rejects, and skips nothing', async () => {
        const failing = new Member();
        let failures = 0;
        const attempts: string[][] = [];
        await publish(numbered(50, 1));
        await joinAs(failing, {
          handle: async (batch) => {
            attempts.push(batch.records.map((each) => textOf(each)));
            if (failures < 3) {
              failures += 1;
              throw new Error('Not yet');
            }
            await failing.handle(batch);
          },
        });
        await handled(50, failing);
        await caughtUp();

        for (const attempt of attempts.slice(0, 4)) expect(attempt[0]).toBe('0');
        expect(failing.records.map((each) => Number(each.value))).toEqual(
          Array.from({ length: 50 }, (_, number) => number),
        );
        expect(errors).toContainEqual(new Error('Not yet'));
      });

      test('continues with other partitions while one fails', async () => {
        await publish(numbered(100));
        const [stuck] = await readAll();
        const member = new Member();
        await joinAs(member, {
          handle: async (batch) => {
            if (batch.partition === stuck?.partition) throw new Error('Stuck');
            await member.handle(batch);
          },
        });
        const others = (await readAll()).filter((each) => each.partition !== stuck?.partition);
        await handled(others.length, member);

        await publish(numbered(100));
        await handled(2 * others.length, member);

        // Still at the start, or without an offset, which is equivalent.
        const offset = (await log.groupOffsets()).find(
          (each) => each.group === group && each.partition === stuck?.partition,
        );
        expect(offset?.committed ?? 0).toBeLessThanOrEqual(stuck?.offset ?? -1);
      });

      test('is independent of other groups: each gets every record', async () => {
        await publish(numbered(60));
        const ours = await joinAs(new Member());
        const theirs = await joinAs(new Member(), { group: `another ${group}` });

        await handled(60, ours);
        await handled(60, theirs);

        expect(theirs.consumer?.assignment()).toEqual(ours.consumer?.assignment());
      });

      test('replays from the offset that it is reset to while no member runs', async () => {
        const first = await joinAs(new Member());
        await publish(numbered(100, 1));
        await handled(100, first);
        await caughtUp();
        const again = first.records[60];
        if (!again) throw new Error('Nothing to replay');

        await expect(log.seekGroup(group, topic, again.partition, again.offset)).rejects.toThrow(group);
        await first.consumer?.stop();
        await eventually(async () => {
          await log.seekGroup(group, topic, again.partition, again.offset);
          return true;
        }, DEADLINE_MS);
        const second = await joinAs(new Member());
        await handled(40, second);
        await caughtUp();

        expect(second.records.map((each) => each.offset)).toEqual(
          first.records.slice(60).map((each) => each.offset),
        );
      });

      test('can be given an offset before its first member joins', async () => {
        await publish(numbered(10, 1));
        const records = await readAll();
        const start = records[4];
        if (!start) throw new Error('Nothing to start from');

        await log.seekGroup(group, topic, start.partition, start.offset);
        const member = await joinAs(new Member());
        await handled(6, member);
        await caughtUp();

        expect(member.records.map((each) => each.offset)).toEqual(
          records.slice(4).map((each) => each.offset),
        );
      });
    });

    describe('a consumer that keeps its positions itself', () => {
      /** By log and partition. */
      let positions: Map<string, number>;
      let asked: PartitionDescription[];
      const placeOf = ({ log: of, partition }: { readonly log: string; readonly partition: number }) =>
        `${of}/${partition}`;

      beforeEach(() => {
        positions = new Map();
        asked = [];
      });

      const join = (member: Member, subscription: Partial<Subscription> = {}) =>
        joinAs(member, {
          startAt: async (partitions) => {
            asked.push(...partitions);
            return partitions.map((each) => {
              const start = positions.get(placeOf(each)) ?? each.start;
              positions.set(placeOf(each), start);
              return start;
            });
          },
          handle: async (batch) => {
            expect(positions.get(placeOf(batch))).toBe(batch.from);
            await member.handle(batch);
            positions.set(placeOf(batch), batch.to);
          },
          ...subscription,
        });

      test('starts there, whatever the group’s offsets are', async () => {
        await publish(numbered(100, 1));
        const [first] = await readAll();
        const { partition = -1, log: of = '', offset = -1 } = first ?? {};
        positions.set(placeOf({ log: of, partition }), offset + 40);
        await log.seekGroup(group, topic, partition, offset + 90);

        const member = await join(new Member());
        await handled(60, member);

        expect(member.records.map((each) => Number(each.value))).toEqual(
          Array.from({ length: 60 }, (_, number) => 40 + number),
        );
        expect(asked.map((each) => each.partition).sort()).toEqual([0, 1, 2, 3, 4, 5]);
        expect(asked.find((each) => each.partition === partition)).toEqual(
          (await log.describe()).find((each) => each.topic === topic && each.partition === partition),
        );
        await caughtUp();
      });

      test('gets batches that follow one another without a gap, over restarts and members', async () => {
        const members: Member[] = [];
        for (let round = 0; round < 4; round += 1) {
          await publish(numbered(60).map((each) => ({ ...each, headers: { round: `${round}` } })));
          const member = await join(new Member(), { maxBatchRecords: 7 });
          members.push(member);
          await handled(60 * (round + 1), ...members);
          if (round !== 1) await member.consumer?.stop();
        }
        await caughtUp();

        const seen = members.flatMap((member) => member.records);
        expect(new Set(seen.map((each) => `${each.partition}/${each.offset}`)).size).toBe(240);
        expect(seen).toHaveLength(240);
        const ends = (await log.describe()).filter((each) => each.topic === topic && each.end > 0);
        await eventually(() => ends.every((each) => positions.get(placeOf(each)) === each.end));
      });

      test('is asked again after each failed batch', async () => {
        await publish(numbered(50, 1));
        const member = new Member();
        let failures = 0;
        await join(member, {
          handle: async (batch) => {
            if (failures < 2) {
              failures += 1;
              // As if another process had handled some of them.
              positions.set(placeOf(batch), batch.from + 10);
              throw new Error('Not yet');
            }
            await member.handle(batch);
          },
        });
        await handled(30, member);

        expect(member.records.map((each) => Number(each.value))).toEqual(
          Array.from({ length: 30 }, (_, number) => 20 + number),
        );
      });

      test('is left alone where it doesn’t want to start yet, and elsewhere goes on', async () => {
        await publish(numbered(100));
        const records = await readAll();
        const alone = records[0]?.partition ?? -1;
        const others = records.filter((each) => each.partition !== alone);
        const member = new Member();
        let isReady = false;
        await join(member, {
          startAt: async (partitions) =>
            partitions.map((each) => (each.partition === alone && !isReady ? undefined : each.start)),
          handle: member.handle,
        });
        await handled(others.length, member);
        await publish(numbered(100));
        await handled(2 * others.length, member);
        expect(member.records.filter((each) => each.partition === alone)).toEqual([]);
        expect(member.consumer?.assignment()).toEqual(allPartitions());

        isReady = true;
        await handled(200, member);
      });

      test('waits for its answer, and asks again when that fails', async () => {
        await publish(numbered(20));
        let questions = 0;
        const member = new Member();
        await join(member, {
          startAt: async (partitions) => {
            questions += 1;
            if (questions < 3) throw new Error('The database is away');
            return partitions.map((each) => each.start);
          },
          handle: member.handle,
        });
        await handled(20, member);

        expect(member.records).toHaveLength(20);
        expect(errors).toContainEqual(new Error('The database is away'));
      });

      test('learns where the log begins after retention, and when it is overtaken', async () => {
        await publish(numbered(100, 1));
        const [first] = await readAll();
        const { partition = -1, offset = -1 } = first ?? {};
        await underTest.deleteRecords(topic, partition, offset + 30);
        const member = new Member();
        await join(member, { maxBatchRecords: 10 });
        await handled(70, member);
        expect(asked.find((each) => each.partition === partition)?.start).toBe(offset + 30);
        await member.consumer?.stop();

        await publish(numbered(100, 1));
        const overtaken = await log.describe();
        const { end = -1 } =
          overtaken.find((each) => each.topic === topic && each.partition === partition) ?? {};
        await underTest.deleteRecords(topic, partition, end - 5);
        asked = [];
        const heir = new Member();
        await join(heir, {
          startAt: async (partitions) => {
            asked.push(...partitions);
            // As it is, and only then as it should be.
            const isKnown = asked.length > PARTITIONS;
            return partitions.map((each) =>
              isKnown ? each.start : (positions.get(placeOf(each)) ?? each.start),
            );
          },
          handle: heir.handle,
        });
        await handled(1, heir);

        expect(heir.records.every((each) => each.offset >= end - 5)).toBe(true);
        expect(asked.filter((each) => each.partition === partition).at(-1)?.start).toBe(end - 5);
      });
    });

    describe('a member that stops', () => {
      test('signals its current batch, waits for it, and commits it', async () => {
        const member = new Member();
        const gate = Promise.withResolvers<void>();
        const begun = Promise.withResolvers<AbortSignal>();
        await publish(numbered(10, 1));
        await joinAs(member, {
          handle: async (batch, signal) => {
            begun.resolve(signal);
            await gate.promise;
            await member.handle(batch);
          },
        });
        const signal = await begun.promise;
        expect(signal.aborted).toBe(false);

        let stopped = false;
        const stopping = member.consumer?.stop().then(() => (stopped = true));
        await eventually(() => signal.aborted, DEADLINE_MS);
        // The log responds meanwhile, and the member hasn't stopped.
        expect(await readAll()).toHaveLength(10);
        expect(stopped).toBe(false);
        gate.resolve();
        await stopping;

        expect(member.records).toHaveLength(10);
        expect(await committed()).toEqual(await ends());
        expect(member.consumer?.assignment()).toEqual([]);
      });

      test('handles nothing afterwards', async () => {
        const member = await joinAs(new Member());
        const witness = await joinAs(new Member(), { group: `another ${group}` });
        await member.consumer?.stop();

        await publish(numbered(50));
        await handled(50, witness);

        expect(member.records).toEqual([]);
      });

      test('leaves its current batch to the next member if the handler aborts', async () => {
        const quitter = new Member();
        const begun = Promise.withResolvers<void>();
        await publish(numbered(10, 1));
        await joinAs(quitter, {
          handle: (_, signal) =>
            new Promise((_resolve, reject) => {
              signal.addEventListener('abort', () => reject(new Error('Told to stop')));
              begun.resolve();
            }),
        });
        await begun.promise;
        await quitter.consumer?.stop();

        const heir = await joinAs(new Member());
        await handled(10, heir);
        await caughtUp();

        expect(heir.records).toHaveLength(10);
      });
    });

    test('a member finishes its current batch before another member gets the partition', async () => {
      const first = new Member();
      const gate = Promise.withResolvers<void>();
      const begun = Promise.withResolvers<void>();
      await publish(numbered(PARTITIONS * 50, 100));
      await joinAs(first, {
        handle: async (batch) => {
          begun.resolve();
          await gate.promise;
          await first.handle(batch);
        },
      });
      await begun.promise;

      const joining = joinAs(new Member());
      gate.resolve();
      const second = await joining;
      await handled(PARTITIONS * 50, first, second);
      await caughtUp();

      const seen = [...first.records, ...second.records].map((each) => Number(each.value));
      expect(seen.sort((a, b) => a - b)).toEqual(
        Array.from({ length: PARTITIONS * 50 }, (_, number) => number),
      );
    });
  });
}

const textOf = ({ value }: { readonly value: Buffer | null }): string => value?.toString() ?? '';

/** A group member that stores the records it receives. */
class Member {
  readonly batches: RecordBatch[] = [];
  consumer: Consumer | undefined;
  /** The maximum number of batches handled concurrently. */
  mostAtOnce = 0;
  private inHand = 0;

  get records(): ConsumedRecord[] {
    return this.batches.flatMap((batch) => batch.records);
  }

  readonly handle = async (batch: RecordBatch): Promise<void> => {
    this.inHand += 1;
    this.mostAtOnce = Math.max(this.mostAtOnce, this.inHand);
    await new Promise(setImmediate);
    this.batches.push(batch);
    this.inHand -= 1;
  };
}
