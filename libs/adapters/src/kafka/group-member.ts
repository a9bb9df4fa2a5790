import { setTimeout as pause } from 'node:timers/promises';
import type { Subscription } from '@atlas/ports/adapters';
import { ExponentialBackoff, type IBackoff } from 'cockatiel';
import type {
  Consumer as KafkaConsumer,
  ConsumerEndBatchProcessEvent,
  ConsumerGroupJoinEvent,
  EachBatchPayload,
} from 'kafkajs';
import { evenAssigner } from './assigner';
import type { KafkaClient } from './client';
import { asError, isRebalance, isUnknownMember, type Report } from './errors';
import { OffsetCommits, type Position } from './offset-commits';
import { skipAborted } from './read-committed';
import { toConsumedRecord } from './reader';

const DEFAULT_BATCH_RECORDS = 200;
/** How long the broker waits for records: the longest that a paused partition waits over its time. */
const FETCH_WAIT_MS = 500;
/** How long the others wait for a member whose batch is in hand before they share its partitions without it. */
const REBALANCE_TIMEOUT_MS = 60_000;
const COMMIT_ATTEMPTS = 6;
const LEAVE_TIMEOUT_MS = 5_000;
const retryBackoff = new ExponentialBackoff({ initialDelay: 100, maxDelay: 10_000 });

/** One membership in a consumer group, from its beginning until it fails or leaves. It never mends itself. */
export class GroupMember {
  /** Resolves, when no handler runs any more, with what went wrong, or with undefined if it has left. */
  readonly ended: Promise<Error | undefined>;
  private readonly end: (failure?: Error) => void;
  private readonly consumer: KafkaConsumer;
  private readonly heartbeatMs: number;
  private owned: readonly string[] = [];
  /** By which the group knows it. */
  private id: string | undefined;
  private failure: Error | undefined;
  private leaving = false;
  /** Why its partitions are shared anew, until it has joined again. */
  private revoked: Error | undefined;
  /** The batch in hand: its signal, and when it is done. */
  private inHand: { readonly signal: AbortController; readonly done: PromiseWithResolvers<void> } | undefined;
  private readonly commits = new OffsetCommits((positions) => this.commit(positions));
  /** Of the batch that came last: unlike the consumer's own, its way of committing works to the very end. */
  private batch: EachBatchPayload | undefined;
  /** By partition: what comes again, and after which wait. */
  private readonly failing = new Map<string, { readonly wait: IBackoff<unknown>; timer: NodeJS.Timeout }>();

  /**
   * @param client its own, which it destroys in the end.
   * @param lost the members before it that could not leave, which it does for them.
   */
  constructor(
    private readonly client: KafkaClient,
    private readonly subscription: Subscription,
    sessionTimeoutMs: number,
    private readonly report: Report,
    private readonly lost: Set<string>,
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
      partitionAssigners: [(config) => evenAssigner({ ...config, cluster: skipAborted(config.cluster) })],
      // kafkajs restarts after some failures and not after others; whoever keeps this member does after all of them.
      retry: { restartOnFailure: () => Promise.resolve(false) },
    });
    const { GROUP_JOIN, REBALANCING, CRASH, END_BATCH_PROCESS } = this.consumer.events;
    this.consumer.on(GROUP_JOIN, (event) => this.joined(event));
    this.consumer.on(REBALANCING, () => (this.owned = []));
    this.consumer.on(CRASH, ({ payload }) => this.fail(payload.error));
    this.consumer.on(END_BATCH_PROCESS, (event) => this.passOver(event));
  }

  assignment(): readonly string[] {
    return this.owned;
  }

  /** @throws Error if it can't; it has ended then. */
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

  /** Waits for the batch in hand, whose offset is committed, and gives the partitions back. */
  async leave(): Promise<void> {
    this.leaving = true;
    this.inHand?.signal.abort();
    const left = this.failure
      ? Promise.resolve()
      : this.commits.done().then(() => this.consumer.disconnect().catch(() => undefined));
    await this.inHand?.done.promise;
    // If the brokers are away, the others see by its silence that it is gone.
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

  /** Else the group would wait for them until their sessions end, and their successor with it. */
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
    for (const { timer } of this.failing.values()) clearTimeout(timer);
    this.client.destroy();
  }

  private joined({ payload }: ConsumerGroupJoinEvent): void {
    if (this.failure || this.leaving) return;
    this.id = payload.memberId;
    this.revoked = undefined;
    this.owned = Object.entries(payload.memberAssignment)
      .flatMap(([topic, partitions]) => partitions.map((partition) => ({ topic, partition })))
      .sort((a, b) => (a.topic < b.topic ? -1 : a.topic > b.topic ? 1 : a.partition - b.partition))
      .map(({ topic, partition }) => `${topic}/${partition}`);
  }

  /** What held nothing but markers and aborted transactions never comes to a handler; it must not count as lag. */
  private passOver({
    payload: { topic, partition, batchSize, lastOffset },
  }: ConsumerEndBatchProcessEvent): void {
    if (batchSize > 0) return;
    this.commits.add({ topic, partition, offset: String(BigInt(lastOffset) + 1n) });
  }

  /** Handles what was fetched of one partition. What it throws makes kafkajs join again. */
  private async take(payload: EachBatchPayload): Promise<void> {
    // kafkajs comes with the other partitions of a fetch even when one of them has shown that they are lost.
    this.throwIfRevoked();
    if (this.leaving || this.failure) return;
    const signal = new AbortController();
    const done = Promise.withResolvers<void>();
    this.inHand = { signal, done };
    this.batch = payload;
    // Also while a handler takes long. kafkajs sends one only when it is due.
    const beat = setInterval(() => void this.beat(payload), this.heartbeatMs);
    try {
      await this.handleSlices(payload, signal.signal);
      // Whoever gets the partitions should begin where this one ends.
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
    for (let from = 0; from < messages.length && !signal.aborted; from += maxBatchRecords) {
      const slice = messages.slice(from, from + maxBatchRecords);
      const records = slice.map((message) => toConsumedRecord(topic, partition, message));
      try {
        await handle({ topic, partition, records }, signal);
      } catch (error) {
        if (signal.aborted) return;
        this.report(
          error,
          `handling ${topic}/${partition} from offset ${records[0]?.offset} in group "${group}"`,
        );
        this.comeAgain(payload);
        return;
      }
      this.failing.delete(`${topic}/${partition}`);
      const last = (slice.at(-1) as (typeof slice)[number]).offset;
      payload.resolveOffset(last);
      // Behind the last record there may be some that are no one's: markers, and records of aborted transactions.
      const handled = from + slice.length < messages.length ? last : payload.batch.lastOffset();
      this.commits.add({ topic, partition, offset: String(BigInt(handled) + 1n) });
      await this.beat(payload);
    }
  }

  private async beat(payload: EachBatchPayload): Promise<void> {
    try {
      await payload.heartbeat();
    } catch (error) {
      // Whether the brokers are away shows in the next fetch.
      if (isRebalance(error)) this.revoke(asError(error));
    }
  }

  private revoke(reason: Error): void {
    this.revoked = reason;
    this.inHand?.signal.abort();
  }

  /** Lets the partition rest; what was not resolved is fetched again after it, while the others go on. */
  private comeAgain(payload: EachBatchPayload): void {
    const partition = `${payload.batch.topic}/${payload.batch.partition}`;
    const wait = this.failing.get(partition)?.wait.next(undefined) ?? retryBackoff.next();
    this.failing.set(partition, { wait, timer: setTimeout(payload.pause(), wait.duration) });
  }

  /** Tries on while the brokers are away for a moment: what is done had better not come again. */
  private async commit(positions: readonly Position[]): Promise<void> {
    const topics = [...new Set(positions.map(({ topic }) => topic))].map((topic) => ({
      topic,
      partitions: positions.filter((position) => position.topic === topic),
    }));
    let wait: IBackoff<unknown> = retryBackoff.next();
    for (let attempt = 1; ; attempt++) {
      try {
        if (this.batch) await this.batch.commitOffsetsIfNecessary({ topics });
        else await this.consumer.commitOffsets([...positions]);
        return;
      } catch (error) {
        if (isRebalance(error)) this.revoke(asError(error));
        else if (attempt === COMMIT_ATTEMPTS) this.fail(asError(error));
        if (this.revoked || this.leaving || this.failure) throw error;
        this.report(error, `moving the offsets of group "${this.subscription.group}"`);
        await pause(wait.duration);
        wait = wait.next(undefined);
      }
    }
  }
}
