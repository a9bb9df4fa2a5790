import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { catalogue } from '@atlas/contracts';
import { topicOf } from '@atlas/events';
import type { ConsumedRecord, EventLog, OutgoingRecord, PartitionDescription } from '@atlas/ports/adapters';
import type { ConsumerPosition } from '@atlas/cli/consumer-positions';

const QUIET_MS = 1_000;
const SOURCE = 'fault-campaign';
/** A header that no contract knows: this record is a copy of an event, by a foreign producer. */
const COPY_OF = 'fault-campaign-copy';

const POISONS: Readonly<Record<string, Pick<OutgoingRecord, 'headers' | 'value'>>> = {
  garbage: { headers: {}, value: Buffer.from('what is this?') },
  'no UUID as its id': {
    headers: { ce_specversion: '1.0', ce_id: 'not a UUID' },
    value: Buffer.from('{}'),
  },
  'a value that is too large': { headers: {}, value: Buffer.alloc(1_500_000) },
  'bytes that are no text': { headers: { ce_id: 'ÿ' }, value: Buffer.from([0, 255, 254]) },
};

/** A topic as it was before it was deleted: the records of each partition. */
type Former = ReadonlyMap<number, readonly ConsumedRecord[]>;

/** Appends to the log what no relay published, and makes topics anew. Knows what the log would be without. */
export class Injections {
  private queue: Promise<unknown> = Promise.resolve();
  /** By topic, the oldest first. */
  private readonly former = new Map<string, readonly Former[]>();

  constructor(private readonly log: EventLog) {}

  /** Appends some of a context's events once more. @param which the oldest or the newest. @returns how many. */
  async repeat(context: string, which: 'oldest' | 'newest', count: number): Promise<number> {
    const topic = topicOf(context);
    const found: ConsumedRecord[] = [];
    for (const { partition, start, end } of await this.partitionsOf(topic)) {
      let taken = 0;
      for await (const record of this.log.read(
        topic,
        partition,
        which === 'oldest' ? start : Math.max(start, end - count),
      )) {
        if (!isCopy(record) && record.headers['ce_id']) found.push(record);
        if (++taken === count) break;
      }
    }
    found.sort((a, b) => a.timestamp - b.timestamp || a.offset - b.offset);
    const copies = (which === 'oldest' ? found.slice(0, count) : found.slice(-count)).flatMap(
      ({ key, headers, value }): OutgoingRecord[] =>
        key === null || !value
          ? []
          : [{ topic, key, headers: { ...headers, [COPY_OF]: headers['ce_id'] ?? '' }, value }],
    );
    await this.append(copies);
    return copies.length;
  }

  /** Appends a record that no contract allows. @param choice from 0 up to 1. @returns what is wrong with it. */
  async poison(context: string, key: string, choice: number): Promise<string> {
    const names = Object.keys(POISONS);
    const name = names[Math.floor(choice * names.length)] as string;
    await this.append([{ topic: topicOf(context), key, ...(POISONS[name] as (typeof POISONS)[string]) }]);
    return name;
  }

  /**
   * Makes a topic anew once each of its records was handled. Nobody may publish to it meanwhile.
   * @param positions of its consumers in these partitions.
   * @param deleteTopic with its records.
   * @throws Error if the topic still grows, or a consumer has not handled every record yet.
   */
  async renew(
    topic: string,
    positions: (partitions: readonly PartitionDescription[]) => Promise<readonly ConsumerPosition[]>,
    deleteTopic: () => Promise<void>,
  ): Promise<number> {
    const partitions = await this.partitionsOf(topic);
    // What was sent before the publisher was cut off may still arrive.
    await sleep(QUIET_MS);
    if (!isDeepStrictEqual(await this.partitionsOf(topic), partitions))
      throw new Error(`${topic} still grows`);
    const records = new Map<number, readonly ConsumedRecord[]>();
    for (const { partition } of partitions) {
      records.set(partition, await collect(this.log.read(topic, partition)));
    }
    for (const { consumer, partition, position } of await positions(partitions)) {
      const waiting = (records.get(partition) ?? []).filter(({ offset }) => offset >= position);
      if (waiting.length > 0)
        throw new Error(`${consumer} has ${waiting.length} records of ${topic} to handle`);
    }
    await deleteTopic();
    this.former.set(topic, [...(this.former.get(topic) ?? []), records]);
    return [...records.values()].reduce((sum, { length }) => sum + length, 0);
  }

  /**
   * The log as the relays wrote it, for the audit: without the copies, and with the events of topics that were made
   * anew, which come first, at offsets below 0.
   */
  genuine(log: EventLog): EventLog {
    const { former } = this;
    const read = async function* (topic: string, partition: number, from?: number) {
      const before = (former.get(topic) ?? []).flatMap((each) => each.get(partition) ?? []);
      const events = before.filter((record) => isEvent(record) && !isCopy(record));
      for (const [index, record] of events.entries()) yield { ...record, offset: index - events.length };
      for await (const record of log.read(topic, partition, from)) if (!isCopy(record)) yield record;
    };
    return new Proxy(log, {
      get(target, property) {
        if (property === 'read') return read;
        const value: unknown = Reflect.get(target, property);
        return typeof value === 'function' ? (value.bind(target) as unknown) : value;
      },
    });
  }

  private async partitionsOf(topic: string): Promise<readonly PartitionDescription[]> {
    return (await this.log.describe()).filter((each) => each.topic === topic);
  }

  /** One at a time: a second publisher of a source fences the first. */
  private append(records: readonly OutgoingRecord[]): Promise<void> {
    const appending = this.queue.then(async () => {
      if (records.length === 0) return;
      const session = await this.log.openPublisher(SOURCE);
      try {
        await session.publish(records, String(Date.now()));
      } finally {
        await session.close();
      }
    });
    this.queue = appending.catch(() => {});
    return appending;
  }
}

const isCopy = ({ headers }: ConsumedRecord): boolean => headers[COPY_OF] !== undefined;

/** Whatever else was in the topic was set aside and discarded. */
const isEvent = (record: ConsumedRecord): boolean => catalogue.decode(record).ok;

async function collect<T>(all: AsyncIterable<T>): Promise<readonly T[]> {
  const collected: T[] = [];
  for await (const one of all) collected.push(one);
  return collected;
}
