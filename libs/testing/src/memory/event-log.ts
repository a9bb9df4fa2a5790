import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import type { TopicSpec } from '@atlas/events';
import {
  assignPartitions,
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
  /** The offset of the first of `records`. */
  start: number;
  readonly records: ConsumedRecord[];
}

/** Where a member is in a partition. */
interface Place {
  /** Undefined: left alone until `askAgainAt`, in `performance.now()` time. */
  next: number | undefined;
  readonly askAgainAt: number;
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
  /** By `topic/partition`; missing until asked for. */
  readonly places: Map<string, Place>;
}

const nameOf = ({ topic, number }: Partition) => `${topic}/${number}`;
const endOf = ({ start, records }: Partition) => start + records.length;
const describe = (partition: Partition): PartitionDescription => ({
  topic: partition.topic,
  partition: partition.number,
  log: partition.log,
  start: partition.start,
  end: endOf(partition),
});

/** How soon a partition that was left alone is asked about again. */
const ASK_AGAIN_MS = 1_000;

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
        start: 0,
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

  /** Deletes a partition's records before this offset, as retention would. */
  deleteRecords(topic: string, partition: number, before: number): void {
    const found = this.partitionsOf(topic)[partition];
    if (!found) throw new Error(`There is no partition ${topic}/${partition}`);
    found.start += found.records.splice(0, before - found.start).length;
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
      const number = chosen ?? (key === null ? 0 : partitionOf(key, partitions.length));
      const into = partitions[number] as Partition;
      const { number: partition, log } = into;
      const [offset, timestamp] = [endOf(into), Date.now()];
      into.records.push({ topic, partition, log, offset, key, headers, value, timestamp });
    }
    this.changed();
  }

  async subscribe(subscription: Subscription): Promise<Consumer> {
    this.requireTopics(subscription.topics);
    const group = this.groupOf(subscription.group);
    const member: Member = { subscription, stopping: new AbortController(), owned: [], places: new Map() };
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
      .flatMap(([, partitions]) => partitions.map(describe));
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
    const found = this.partitionsOf(topic)[partition];
    if (found) yield* found.records.slice(Math.max(0, from - found.start));
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
    const { subscription, stopping, places } = member;
    await this.findPlaces(group, member);
    const ready = member.owned.find(
      (partition) =>
        !group.busy.has(nameOf(partition)) &&
        (places.get(nameOf(partition))?.next ?? Infinity) < endOf(partition),
    );
    if (!ready) return false;
    // Moves it to the end of the queue, so that one failing partition doesn't delay the others.
    member.owned = [...member.owned.filter((partition) => partition !== ready), ready];
    const { topic, number: partition, log, start } = ready;
    const name = nameOf(ready);
    const place = places.get(name) as Place;
    const from = place.next as number;
    if (from < start) {
      places.delete(name);
      return true;
    }
    const records = ready.records.slice(from - start, from - start + (subscription.maxBatchRecords ?? 200));
    const to = from + records.length;
    group.busy.set(name, member);
    try {
      await subscription.handle({ topic, partition, log, from, to, records }, stopping.signal);
      if (group.busy.get(name) === member) group.committed.set(name, to);
      place.next = to;
    } catch (error) {
      this.onError(error);
      if (places.get(name) === place) places.delete(name);
      // The pause yields to other work in the process.
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
    member.places.clear();
    this.deal(group);
  }

  /** Asks where to start in partitions that are new to the member, whose batch has failed, or that were left alone. */
  private async findPlaces(group: Group, member: Member): Promise<void> {
    const { places, subscription, stopping } = member;
    const { startAt = async (partitions) => this.groupPlaces(group, partitions) } = subscription;
    const wanted = member.owned.filter((partition) => {
      const place = places.get(nameOf(partition));
      const isDue = !place || (place.next === undefined && place.askAgainAt <= performance.now());
      return isDue && !group.busy.has(nameOf(partition));
    });
    if (wanted.length === 0) return;
    let starts: readonly (number | undefined)[] = [];
    let waitMs = ASK_AGAIN_MS;
    try {
      starts = await startAt(wanted.map(describe));
    } catch (error) {
      this.onError(error);
      waitMs = 0;
      await new Promise(setImmediate);
    }
    const askAgainAt = performance.now() + waitMs;
    wanted.forEach((partition, index) => {
      // It may have been dealt to another meanwhile.
      if (!member.owned.includes(partition)) return;
      const next = starts[index];
      places.set(nameOf(partition), { next, askAgainAt });
      if (next !== undefined) group.committed.set(nameOf(partition), next);
    });
    if (wanted.some((_, index) => starts[index] === undefined) && !stopping.signal.aborted)
      setTimeout(() => this.changed(), waitMs + 1).unref();
  }

  private groupPlaces({ committed }: Group, partitions: readonly PartitionDescription[]): number[] {
    return partitions.map(({ topic, partition, start }) =>
      Math.max(start, committed.get(`${topic}/${partition}`) ?? start),
    );
  }

  /** Assigns the partitions to the members; each asks anew where to start. */
  private deal({ members }: Group): void {
    const partitions = [...this.data.partitions.values()].flat();
    const plan = assignPartitions(
      partitions.map((partition, id) => {
        const owner = members.findIndex(({ owned }) => owned.includes(partition));
        return { id, topic: partition.topic, owner: owner < 0 ? null : owner };
      }),
      members.map(({ subscription }, id) => ({ id, topics: subscription.topics })),
    );
    members.forEach((member, index) => {
      member.owned = partitions.filter((_, id) => plan.get(id) === index);
      member.places.clear();
    });
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
