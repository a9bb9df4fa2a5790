import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import type { TopicSpec } from '@atlas/events';
import {
  type ConsumedRecord,
  type Consumer,
  EventLog,
  FencedError,
  type GroupOffset,
  MissingTopicsError,
  type OutgoingRecord,
  type PartitionDescription,
  partitionOf,
  partitionsDiffer,
  type PublisherSession,
  type Subscription,
  TopicsDifferError,
} from '@atlas/ports/adapters';

interface Partition {
  readonly topic: string;
  readonly number: number;
  readonly log: string;
  readonly records: ConsumedRecord[];
}

interface Group {
  readonly members: Member[];
  /** By `topic/partition`. */
  readonly committed: Map<string, number>;
  /** The members that are handling a batch, by its partition. */
  readonly busy: Map<string, Member>;
}

interface Member {
  readonly subscription: Subscription;
  readonly stopping: AbortController;
  owned: readonly Partition[];
}

const nameOf = ({ topic, number }: Partition) => `${topic}/${number}`;

/** The state shared by all processes that use a log. */
export class MemoryLogData {
  readonly partitions = new Map<string, readonly Partition[]>();
  readonly groups = new Map<string, Group>();
  readonly sessions = new Map<string, object>();
  readonly cursors = new Map<string, string>();
  /** Wakes every waiting member. */
  readonly changes = new EventTarget();
}

/** An in-memory event log, as used by one process. */
export class MemoryEventLog extends EventLog {
  private readonly consumers: Consumer[] = [];
  private readonly leave: ((isGone: boolean) => void)[] = [];

  /** @param onError called with the errors that handlers reject with. */
  constructor(
    private readonly data = new MemoryLogData(),
    private readonly onError: (error: unknown) => void = () => undefined,
  ) {
    super();
  }

  async ensureTopics(topics: readonly TopicSpec[]): Promise<void> {
    for (const { name, partitions } of topics) {
      const there = this.data.partitions.get(name);
      if (there && there.length !== partitions) {
        throw new TopicsDifferError([partitionsDiffer(name, there.length, partitions)]);
      }
      if (there) continue;
      const log = randomUUID();
      const made = Array.from({ length: partitions }, (_, number) => ({
        topic: name,
        number,
        log,
        records: [],
      }));
      this.data.partitions.set(name, made);
    }
    for (const group of this.data.groups.values()) this.deal(group);
  }

  async checkTopics(topics: readonly TopicSpec[]): Promise<void> {
    this.requireTopics(topics.map(({ name }) => name));
    await this.ensureTopics(topics);
  }

  private requireTopics(topics: readonly string[]): void {
    const missing = topics.filter((topic) => !this.data.partitions.has(topic));
    if (missing.length > 0) throw new MissingTopicsError(missing);
  }

  /** Deletes a topic with its records and offsets, as an operator would. */
  deleteTopic(topic: string): void {
    for (const partition of this.partitionsOf(topic)) {
      for (const { committed } of this.data.groups.values()) committed.delete(nameOf(partition));
    }
    this.data.partitions.delete(topic);
    for (const group of this.data.groups.values()) this.deal(group);
  }

  async openPublisher(source: string): Promise<PublisherSession> {
    const session = {};
    this.data.sessions.set(source, session);
    const { cursors } = this.data;
    return {
      get cursor() {
        return cursors.get(source);
      },
      publish: async (records, cursor) => {
        if (this.data.sessions.get(source) !== session) throw new FencedError(source);
        this.append(...records);
        cursors.set(source, cursor);
      },
      close: async () => undefined,
    };
  }

  /** Appends records like a foreign producer, which may omit parts and choose the partition. */
  append(
    ...records: readonly (Partial<OutgoingRecord> & { readonly topic: string; readonly partition?: number })[]
  ): void {
    for (const { topic } of records) this.partitionsOf(topic);
    for (const { topic, partition: chosen, key = null, headers = {}, value = null } of records) {
      const partitions = this.partitionsOf(topic);
      const {
        number,
        log,
        records: kept,
      } = partitions[chosen ?? (key === null ? 0 : partitionOf(key, partitions.length))] as Partition;
      const timestamp = Date.now();
      kept.push({ topic, partition: number, log, offset: kept.length, key, headers, value, timestamp });
    }
    this.changed();
  }

  async subscribe(subscription: Subscription): Promise<Consumer> {
    this.requireTopics(subscription.topics);
    const group = this.groupOf(subscription.group);
    const member: Member = { subscription, stopping: new AbortController(), owned: [] };
    group.members.push(member);
    this.deal(group);
    const ended = this.consume(group, member);
    const consumer: Consumer = {
      assignment: () => member.owned.map(nameOf).sort(),
      stop: async () => {
        member.stopping.abort();
        this.changed();
        await ended;
        if (group.members.includes(member)) group.members.splice(group.members.indexOf(member), 1);
        member.owned = [];
        this.deal(group);
      },
    };
    this.consumers.push(consumer);
    this.leave.push((isGone) => this.expelFrom(group, member, isGone));
    return consumer;
  }

  /**
   * As if this process had been silent for too long: the groups give its partitions to others, and no longer accept its
   * offsets. What it is handling goes on; it joins again after that, unless it is gone for good.
   */
  expel(isGone = false): void {
    for (const leave of this.leave) leave(isGone);
  }

  async describe(topics?: readonly string[]): Promise<readonly PartitionDescription[]> {
    return [...this.data.partitions]
      .filter(([topic]) => topics?.includes(topic) ?? true)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .flatMap(([topic, partitions]) =>
        partitions.map(({ number, log, records }) => ({
          topic,
          partition: number,
          log,
          start: 0,
          end: records.length,
        })),
      );
  }

  async groupOffsets(groups?: readonly string[]): Promise<readonly GroupOffset[]> {
    const wanted = [...this.data.groups].filter(([group]) => groups?.includes(group) ?? true);
    return wanted.flatMap(([group, { committed: offsets }]) =>
      [...offsets].map(([name, committed]) => {
        const slash = name.lastIndexOf('/');
        return { group, topic: name.slice(0, slash), partition: Number(name.slice(slash + 1)), committed };
      }),
    );
  }

  async *read(topic: string, partition: number, from = 0): AsyncIterable<ConsumedRecord> {
    yield* this.partitionsOf(topic)[partition]?.records.slice(from) ?? [];
  }

  async seekGroup(group: string, topic: string, partition: number, offset: number): Promise<void> {
    const { members, committed } = this.groupOf(group);
    if (members.length > 0) throw new Error(`The group "${group}" has running members; stop them first`);
    committed.set(`${topic}/${partition}`, offset);
  }

  async redeliveryWindowMs(): Promise<number> {
    return Infinity;
  }

  async close(): Promise<void> {
    await Promise.all(this.consumers.map((consumer) => consumer.stop()));
  }

  private async consume(group: Group, member: Member): Promise<void> {
    const { signal } = member.stopping;
    while (!signal.aborted) {
      if (!group.members.includes(member)) {
        group.members.push(member);
        this.deal(group);
      }
      const change = once(this.data.changes, 'change');
      if (!(await this.consumeNext(group, member))) await change;
    }
  }

  /** Handles one batch. @returns false if there is currently none. */
  private async consumeNext(group: Group, member: Member): Promise<boolean> {
    const { owned, subscription, stopping } = member;
    const ready = owned.find(
      (partition) =>
        !group.busy.has(nameOf(partition)) &&
        (group.committed.get(nameOf(partition)) ?? 0) < partition.records.length,
    );
    if (!ready) return false;
    // Moves it to the end of the queue, so that one failing partition doesn't delay the others.
    member.owned = [...owned.filter((partition) => partition !== ready), ready];
    const name = nameOf(ready);
    const from = group.committed.get(name) ?? 0;
    const records = ready.records.slice(from, from + (subscription.maxBatchRecords ?? 200));
    group.busy.set(name, member);
    try {
      await subscription.handle({ topic: ready.topic, partition: ready.number, records }, stopping.signal);
      if (group.busy.get(name) === member) group.committed.set(name, from + records.length);
    } catch (error) {
      this.onError(error);
      // The records are redelivered, as the offset has not moved. The pause yields to other work in the process.
      await new Promise(setImmediate);
    } finally {
      if (group.busy.get(name) === member) group.busy.delete(name);
      this.changed();
    }
    return true;
  }

  private expelFrom(group: Group, member: Member, isGone: boolean): void {
    if (isGone) member.stopping.abort();
    if (!group.members.includes(member)) return;
    group.members.splice(group.members.indexOf(member), 1);
    for (const [name, handling] of group.busy) if (handling === member) group.busy.delete(name);
    member.owned = [];
    this.deal(group);
  }

  /** Assigns the partitions to the members, round robin. */
  private deal({ members }: Group): void {
    for (const member of members) member.owned = [];
    for (const [topic, partitions] of this.data.partitions) {
      const takers = members.filter(({ subscription }) => subscription.topics.includes(topic));
      for (const partition of partitions) {
        const taker = takers[partition.number % takers.length];
        if (taker) taker.owned = [...taker.owned, partition];
      }
    }
    this.changed();
  }

  private changed(): void {
    this.data.changes.dispatchEvent(new Event('change'));
  }

  private groupOf(name: string): Group {
    const group = this.data.groups.get(name) ?? { members: [], committed: new Map(), busy: new Map() };
    this.data.groups.set(name, group);
    return group;
  }

  private partitionsOf(topic: string): readonly Partition[] {
    const partitions = this.data.partitions.get(topic);
    if (!partitions) throw new Error(`There is no topic "${topic}"`);
    return partitions;
  }
}
