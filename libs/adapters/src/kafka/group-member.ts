import { setTimeout as pause } from 'node:timers/promises';
import type { Subscription } from '@atlas/ports/adapters';
import { ExponentialBackoff, type IBackoff } from 'cockatiel';
import type {
  Consumer as KafkaConsumer,
  ConsumerEndBatchProcessEvent,
  ConsumerGroupJoinEvent,
  EachBatchPayload,
} from 'kafkajs';
import { AssignedLogs } from './assigned-logs';
import { evenAssigner } from './assigner';
import type { KafkaClient } from './client';
import { asError, isRebalance, isUnknownMember, type Report } from './errors';
import { OffsetCommits, type Position } from './offset-commits';
import { type FetchedRecord, skipAborted } from './read-committed';
import { toConsumedRecord } from './reader';

const DEFAULT_BATCH_RECORDS = 200;
/** How long the broker waits for records, which is also the longest delay of a partition that resumes. */
const FETCH_WAIT_MS = 500;
/** How long a rebalance waits for a member that is handling a batch. */
const REBALANCE_TIMEOUT_MS = 60_000;
const COMMIT_ATTEMPTS = 6;
const LEAVE_TIMEOUT_MS = 5_000;
const retryBackoff = new ExponentialBackoff({ initialDelay: 100, maxDelay: 10_000 });

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
  private readonly logs = new AssignedLogs();
  private readonly commits = new OffsetCommits((positions) => this.commit(positions));
  /** Of the last batch: unlike the consumer's own, its commit function works until the consumer has stopped. */
  private batch: EachBatchPayload | undefined;
  /** By partition: the offset to redeliver, and the wait before it. */
  private readonly failing = new Map<string, { readonly wait: IBackoff<unknown>; timer: NodeJS.Timeout }>();

  /**
   * @param client used by this member alone, which destroys it at its end.
   * @param lost earlier members that could not leave; this one makes them leave.
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
      partitionAssigners: [
        (config) => evenAssigner({ ...config, cluster: skipAborted(this.logs.follow(config.cluster)) }),
      ],
      // kafkajs restarts after some failures only; GroupConsumer does so after all of them.
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
    for (const { timer } of this.failing.values()) clearTimeout(timer);
    this.client.destroy();
  }

  private joined({ payload }: ConsumerGroupJoinEvent): void {
    if (this.failure || this.leaving) return;
    this.id = payload.memberId;
    this.logs.forget();
    this.revoked = undefined;
    this.owned = Object.entries(payload.memberAssignment)
      .flatMap(([topic, partitions]) => partitions.map((partition) => ({ topic, partition })))
      .sort((a, b) => (a.topic < b.topic ? -1 : a.topic > b.topic ? 1 : a.partition - b.partition))
      .map(({ topic, partition }) => `${topic}/${partition}`);
  }

  /** Handlers never see markers and aborted transactions, which must not count as lag. */
  private passOver({
    payload: { topic, partition, batchSize, lastOffset },
  }: ConsumerEndBatchProcessEvent): void {
    if (batchSize > 0) return;
    this.commits.add({ topic, partition, offset: String(BigInt(lastOffset) + 1n) });
  }

  /** Handles the fetched records of one partition. If it throws, kafkajs rejoins. */
  private async take(payload: EachBatchPayload): Promise<void> {
    // kafkajs delivers the other partitions of a fetch even after one has shown that they are revoked.
    this.throwIfRevoked();
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
    const { rawMessages } = payload.batch as unknown as { readonly rawMessages: readonly FetchedRecord[] };
    const log = this.logs.logOf(rawMessages);
    const { group, handle, maxBatchRecords = DEFAULT_BATCH_RECORDS } = this.subscription;
    for (let from = 0; from < messages.length && !signal.aborted; from += maxBatchRecords) {
      const slice = messages.slice(from, from + maxBatchRecords);
      const records = slice.map((message) => toConsumedRecord({ topic, partition, log }, message));
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
      // The last record may be followed by markers and records of aborted transactions.
      const handled = from + slice.length < messages.length ? last : payload.batch.lastOffset();
      this.commits.add({ topic, partition, offset: String(BigInt(handled) + 1n) });
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

  /** Pauses the partition and then fetches what was not resolved; the other partitions continue. */
  private comeAgain(payload: EachBatchPayload): void {
    const partition = `${payload.batch.topic}/${payload.batch.partition}`;
    const wait = this.failing.get(partition)?.wait.next(undefined) ?? retryBackoff.next();
    this.failing.set(partition, { wait, timer: setTimeout(payload.pause(), wait.duration) });
  }

  /** Retries while the brokers are briefly unavailable, to avoid redelivering handled records. */
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
