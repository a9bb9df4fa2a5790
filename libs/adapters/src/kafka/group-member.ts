import { setTimeout as pause } from 'node:timers/promises';
import type { Subscription } from '@atlas/ports/adapters';
import { ExponentialBackoff, type IBackoff } from 'cockatiel';
import type { Consumer as KafkaConsumer, ConsumerGroupJoinEvent, EachBatchPayload } from 'kafkajs';
import { AssignedPartitions, type Fetched } from './assigned-partitions';
import { evenAssigner } from './assigner';
import type { KafkaClient } from './client';
import { asError, isRebalance, isUnknownMember, type Report } from './errors';
import { type GroupPosition, OffsetCommits } from './offset-commits';
import { type FetchedRecord, skipAborted } from './read-committed';
import { type Extent, toConsumedRecord } from './reader';

const DEFAULT_BATCH_RECORDS = 200;
/** How long the broker waits for records, which is also the longest delay of a partition that resumes. */
const FETCH_WAIT_MS = 500;
/** How long a rebalance waits for a member that is handling a batch. */
const REBALANCE_TIMEOUT_MS = 60_000;
/** How long kafkajs waits for the answer where to start. */
const ANSWER_TIMEOUT_MS = 2_000;
/** How soon a partition that was left alone is asked about again. */
const ASK_AGAIN_MS = 2_000;
const LEAVE_TIMEOUT_MS = 5_000;
const retryBackoff = new ExponentialBackoff({ initialDelay: 100, maxDelay: 10_000 });

async function tooLate(): Promise<never> {
  await pause(ANSWER_TIMEOUT_MS, undefined, { ref: false });
  throw new Error(`There was no answer within ${ANSWER_TIMEOUT_MS} ms`);
}

/** Where the member is in a partition. */
interface Place {
  readonly log: string;
  /** The consumer's position: where the next batch begins. */
  position: number;
  /** The next offset to fetch: past the position if the log uses the offsets between them internally. */
  fetch: number;
}

/** What kafkajs's batches have and its types omit. */
interface FetchedBatch {
  /** The offset that it asked for. */
  readonly fetchedOffset: string;
  readonly rawMessages: readonly FetchedRecord[];
}

/** One membership in a consumer group, until it fails or leaves. It never recovers by itself. */
export class GroupMember {
  /** Resolves when no handler runs any more: with the error, or with undefined if the member has left. */
  readonly ended: Promise<Error | undefined>;
  private readonly end: (failure?: Error) => void;
  private readonly consumer: KafkaConsumer;
  private readonly heartbeatMs: number;
  private owned: readonly string[] = [];
  /** Its id in the group. */
  private id: string | undefined;
  private failure: Error | undefined;
  private leaving = false;
  /** The cause of the rebalance, until it has joined again. */
  private revoked: Error | undefined;
  /** The batch being handled: its signal, and a promise of its end. */
  private inHand: { readonly signal: AbortController; readonly done: PromiseWithResolvers<void> } | undefined;
  private readonly partitions = new AssignedPartitions(
    (partitions, committed) => this.start(partitions, committed),
    (fetched) => this.arrived(fetched),
  );
  /** By `topic/partition`. */
  private readonly places = new Map<string, Place>();
  /** Where it was before it joined again: the group may not have these offsets. */
  private readonly former = new Map<string, Place>();
  /** The end of the last batch without records. */
  private passing: Promise<void> = Promise.resolve();
  private readonly commits = new OffsetCommits((positions) => this.commit(positions));
  /** Of the last batch: unlike the consumer's own, its commit function works until the consumer has stopped. */
  private batch: EachBatchPayload | undefined;
  /** By `topic/partition`: the last wait of one whose batches fail. */
  private readonly waits = new Map<string, IBackoff<unknown>>();
  /** By `topic/partition`: what ends the pause. */
  private readonly paused = new Map<
    string,
    { readonly timer: NodeJS.Timeout; readonly resume: () => void }
  >();

  /**
   * @param client used by this member alone, which destroys it at its end.
   * @param lost earlier members that could not leave; this one makes them leave.
   * @param claims the partitions of the member before, which this one would keep.
   */
  constructor(
    private readonly client: KafkaClient,
    private readonly subscription: Subscription,
    sessionTimeoutMs: number,
    private readonly report: Report,
    private readonly lost: Set<string>,
    private readonly claims: Set<string>,
  ) {
    const ended = Promise.withResolvers<Error | undefined>();
    this.ended = ended.promise;
    this.end = ended.resolve;
    this.heartbeatMs = Math.round(sessionTimeoutMs / 4);
    this.consumer = client.kafka.consumer({
      groupId: subscription.group,
      sessionTimeout: sessionTimeoutMs,
      heartbeatInterval: this.heartbeatMs,
      rebalanceTimeout: REBALANCE_TIMEOUT_MS,
      maxWaitTimeInMs: FETCH_WAIT_MS,
      allowAutoTopicCreation: false,
      partitionAssigners: [
        (config) =>
          evenAssigner(() => [...this.claims])({
            ...config,
            cluster: this.partitions.follow(skipAborted(config.cluster)),
          }),
      ],
      // kafkajs restarts after some failures only; GroupConsumer does so after all of them.
      retry: { restartOnFailure: () => Promise.resolve(false) },
    });
    const { GROUP_JOIN, REBALANCING, CRASH } = this.consumer.events;
    this.consumer.on(GROUP_JOIN, (event) => this.joined(event));
    this.consumer.on(REBALANCING, () => (this.owned = []));
    this.consumer.on(CRASH, ({ payload }) => this.fail(payload.error));
  }

  assignment(): readonly string[] {
    return this.owned;
  }

  /** @throws Error if it can't; the member has then ended. */
  async join(): Promise<void> {
    try {
      await this.consumer.connect();
      await this.leaveForLost();
      await this.consumer.subscribe({ topics: [...this.subscription.topics], fromBeginning: true });
      await this.consumer.run({
        autoCommit: false,
        eachBatchAutoResolve: false,
        partitionsConsumedConcurrently: 1,
        eachBatch: (payload) => this.take(payload),
      });
    } catch (error) {
      this.fail(asError(error));
    }
    if (this.failure) throw this.failure;
  }

  /** Waits for the current batch, commits its offset and gives the partitions back. */
  async leave(): Promise<void> {
    this.leaving = true;
    this.inHand?.signal.abort();
    const left = this.failure
      ? Promise.resolve()
      : this.commits.done().then(() => this.consumer.disconnect().catch(() => undefined));
    await this.inHand?.done.promise;
    await this.passing;
    // If the brokers are unavailable, the session timeout removes the member.
    await Promise.race([left, pause(LEAVE_TIMEOUT_MS, undefined, { ref: false })]);
    this.cleanUp();
    this.end();
  }

  private fail(error: Error): void {
    if (this.failure) return;
    this.failure = error;
    if (this.id !== undefined) this.lost.add(this.id);
    this.inHand?.signal.abort();
    this.cleanUp();
    void (this.inHand?.done.promise ?? Promise.resolve()).then(() => this.end(error));
  }

  /** Otherwise the group, this member included, would wait until their sessions time out. */
  private async leaveForLost(): Promise<void> {
    if (this.lost.size === 0) return;
    const { group } = this.subscription;
    const coordinator = await this.client.groupCoordinator(group);
    for (const memberId of this.lost) {
      await coordinator.leaveGroup({ groupId: group, memberId }).catch((error: unknown) => {
        if (!isUnknownMember(error)) throw error;
      });
      this.lost.delete(memberId);
    }
  }

  private cleanUp(): void {
    this.owned = [];
    for (const { timer } of this.paused.values()) clearTimeout(timer);
    this.commits.forget();
    this.client.destroy();
  }

  private joined({ payload }: ConsumerGroupJoinEvent): void {
    if (this.failure || this.leaving) return;
    this.id = payload.memberId;
    this.partitions.forget();
    for (const [name, place] of this.places) this.former.set(name, place);
    this.places.clear();
    this.commits.forget();
    for (const { resume } of [...this.paused.values()]) resume();
    this.revoked = undefined;
    this.owned = Object.entries(payload.memberAssignment)
      .flatMap(([topic, partitions]) => partitions.map((partition) => ({ topic, partition })))
      .sort((a, b) => (a.topic < b.topic ? -1 : a.topic > b.topic ? 1 : a.partition - b.partition))
      .map(({ topic, partition }) => `${topic}/${partition}`);
    this.claims.clear();
    for (const name of this.owned) this.claims.add(name);
  }

  /** kafkajs asks this after each join, and when an offset was not in the log. */
  private async start(
    partitions: readonly Extent[],
    committed: () => Promise<readonly number[]>,
  ): Promise<readonly number[]> {
    const { startAt, group } = this.subscription;
    if (!startAt) {
      const offsets = await committed();
      return partitions.map((extent, index) => {
        const former = this.former.get(`${extent.topic}/${extent.partition}`);
        const handled = former?.log === extent.log ? former.position : extent.start;
        return this.place(extent, Math.max(handled, offsets[index] ?? extent.start));
      });
    }
    try {
      // No heartbeat is sent meanwhile; later answers are waited for in the background.
      const starts = await Promise.race([startAt(partitions), tooLate()]);
      return partitions.map((extent, index) => {
        const start = starts[index];
        if (start !== undefined) return this.place(extent, start);
        this.leaveAlone(extent, ASK_AGAIN_MS);
        return this.hold(extent);
      });
    } catch (error) {
      this.report(error, `finding out where to start in group "${group}"`);
      return partitions.map((extent) => {
        this.comeAgain(extent);
        return this.hold(extent);
      });
    }
  }

  /** Starts there, and says so: the position may be elsewhere than the group's offset. */
  private place({ topic, partition, log }: Extent, start: number): number {
    this.places.set(`${topic}/${partition}`, { log, position: start, fetch: start });
    this.commits.add({ topic, partition, offset: String(start) });
    return start;
  }

  /** A place for a partition that is paused. */
  private hold({ topic, partition, log, start }: Extent): number {
    this.places.set(`${topic}/${partition}`, { log, position: start, fetch: start });
    return start;
  }

  /** Pauses the partition, and then asks again where to start; the other partitions continue. */
  private leaveAlone({ topic, partition }: Pick<Extent, 'topic' | 'partition'>, waitMs: number): void {
    const name = `${topic}/${partition}`;
    const paused = [{ topic, partitions: [partition] }];
    this.consumer.pause(paused);
    const resume = () => {
      clearTimeout(this.paused.get(name)?.timer);
      this.paused.delete(name);
      this.consumer.resume(paused);
    };
    clearTimeout(this.paused.get(name)?.timer);
    this.paused.set(name, {
      timer: setTimeout(() => void this.startAgain(topic, partition), waitMs),
      resume,
    });
  }

  private async startAgain(topic: string, partition: number): Promise<void> {
    const name = `${topic}/${partition}`;
    const [place, pause] = [this.places.get(name), this.paused.get(name)];
    const { startAt, group } = this.subscription;
    let start = place?.position;
    if (startAt) {
      try {
        const extent = await this.partitions.describe(topic, partition);
        // A topic that was made anew refuses the fetch, and the member joins again.
        if (extent && extent.log === place?.log) [start] = await startAt([extent]);
      } catch (error) {
        if (this.paused.get(name) !== pause || this.failure || this.leaving) return;
        this.report(error, `finding out where to start in group "${group}"`);
        this.comeAgain({ topic, partition });
        return;
      }
    }
    if (this.paused.get(name) !== pause || this.failure || this.leaving) return;
    if (start === undefined || !place) {
      this.leaveAlone({ topic, partition }, ASK_AGAIN_MS);
      return;
    }
    place.position = place.fetch = start;
    this.commits.add({ topic, partition, offset: String(start) });
    this.consumer.seek({ topic, partition, offset: String(start) });
    pause?.resume();
  }

  private arrived({ topic, partition, from, emptyTo }: Fetched): void {
    const place = this.places.get(`${topic}/${partition}`);
    if (!place) return;
    if (from !== place.fetch) {
      // kafkajs has handled what it fetched before the member joined again.
      this.consumer.seek({ topic, partition, offset: String(place.fetch) });
    } else if (emptyTo !== undefined) {
      place.fetch = emptyTo;
      this.passing = this.passing
        .then(() => this.inHand?.done.promise)
        .then(() => this.pass({ topic, partition }, place));
    }
  }

  /** Moves the position over offsets without records: otherwise retention would seem to overtake it. */
  private async pass(of: Pick<Extent, 'topic' | 'partition'>, place: Place): Promise<void> {
    const { log, position: from, fetch: to } = place;
    if (this.failure || from >= to) return;
    try {
      const { signal } = new AbortController();
      if (this.subscription.startAt)
        await this.subscription.handle({ ...of, log, from, to, records: [] }, signal);
      place.position = to;
      this.commits.add({ ...of, offset: String(to) });
    } catch {
      // The next batch begins here, too.
    }
  }

  /** Handles the fetched records of one partition. If it throws, kafkajs rejoins. */
  private async take(payload: EachBatchPayload): Promise<void> {
    // kafkajs delivers the other partitions of a fetch even after one has shown that they are revoked.
    this.throwIfRevoked();
    await this.passing;
    if (this.leaving || this.failure) return;
    const signal = new AbortController();
    const done = Promise.withResolvers<void>();
    this.inHand = { signal, done };
    this.batch = payload;
    // Also during a long handler. kafkajs sends a heartbeat only when one is due.
    const beat = setInterval(() => void this.beat(payload), this.heartbeatMs);
    try {
      await this.handleSlices(payload, signal.signal);
      // The next owner of the partitions should start where this one ends.
      if (this.leaving || this.revoked) await this.commits.done();
    } finally {
      clearInterval(beat);
      this.inHand = undefined;
      done.resolve();
    }
    this.throwIfRevoked();
  }

  private throwIfRevoked(): void {
    if (this.revoked) throw this.revoked;
  }

  private async handleSlices(payload: EachBatchPayload, signal: AbortSignal): Promise<void> {
    const { topic, partition, messages } = payload.batch;
    const { group, handle, maxBatchRecords = DEFAULT_BATCH_RECORDS } = this.subscription;
    const name = `${topic}/${partition}`;
    const place = this.places.get(name);
    const batch = payload.batch as unknown as FetchedBatch;
    // kafkajs may deliver what it fetched before it joined again.
    if (!place || Number(batch.fetchedOffset) !== place.fetch) return;
    const log = this.partitions.logOf(batch.rawMessages);
    for (let index = 0; index < messages.length && !signal.aborted; index += maxBatchRecords) {
      const slice = messages.slice(index, index + maxBatchRecords);
      const last = (slice.at(-1) as (typeof slice)[number]).offset;
      // The last record may be followed by markers and records of aborted transactions.
      const end = index + slice.length < messages.length ? last : payload.batch.lastOffset();
      const [from, to] = [place.position, Number(end) + 1];
      const records = slice.map((message) => toConsumedRecord({ topic, partition, log }, message));
      try {
        await handle({ topic, partition, log, from, to, records }, signal);
      } catch (error) {
        if (signal.aborted) return;
        this.report(error, `handling ${name} from offset ${from} in group "${group}"`);
        this.comeAgain({ topic, partition });
        return;
      }
      this.waits.delete(name);
      // Where the next fetch begins: if it began at a marker, its records would have to be fetched again.
      payload.resolveOffset(String(to - 1));
      place.position = place.fetch = to;
      this.commits.add({ topic, partition, offset: String(to) });
      await this.beat(payload);
    }
  }

  private async beat(payload: EachBatchPayload): Promise<void> {
    try {
      await payload.heartbeat();
    } catch (error) {
      // If the brokers are unavailable, the next fetch fails.
      if (isRebalance(error)) this.revoke(asError(error));
    }
  }

  private revoke(reason: Error): void {
    this.revoked = reason;
    this.inHand?.signal.abort();
  }

  /** Starts the partition again after a while, which is longer the more often that fails. */
  private comeAgain(of: Pick<Extent, 'topic' | 'partition'>): void {
    const name = `${of.topic}/${of.partition}`;
    const wait = this.waits.get(name)?.next(undefined) ?? retryBackoff.next();
    this.waits.set(name, wait);
    this.leaveAlone(of, wait.duration);
  }

  private async commit(positions: readonly GroupPosition[]): Promise<void> {
    const topics = [...new Set(positions.map(({ topic }) => topic))].map((topic) => ({
      topic,
      partitions: positions.filter((position) => position.topic === topic),
    }));
    try {
      if (this.batch) await this.batch.commitOffsetsIfNecessary({ topics });
      else await this.consumer.commitOffsets([...positions]);
    } catch (error) {
      if (isRebalance(error)) this.revoke(asError(error));
      else if (!this.leaving && !this.failure)
        this.report(error, `moving the offsets of group "${this.subscription.group}"`);
      throw error;
    }
  }
}
