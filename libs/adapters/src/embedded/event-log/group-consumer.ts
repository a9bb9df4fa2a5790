import { setTimeout } from 'node:timers/promises';
import type { ConsumedRecord, Consumer, PartitionDescription, Subscription } from '@atlas/ports/adapters';
import { ExponentialBackoff, type IBackoff } from 'cockatiel';
import type { LogDatabase } from './database';
import type { Holding, Membership } from './membership';
import { describePartitions, fetchRecords, type Position } from './records';
import { Wake } from './wake';

/** Called with each error that is being retried. */
export type Report = (error: unknown, during: string) => void;

interface Held extends Position {
  readonly epoch: number;
  /** Aborts when the partition is lost or must be released. */
  readonly leaving: AbortController;
  /** The group's offset. */
  committed: number;
  /** False while the log doesn't have that offset yet. */
  isCommitted: boolean;
  /** The offset of the next record to fetch; only valid if `isPlaced`. */
  position: number;
  /** False until it is known where to start, and after a failed batch. */
  isPlaced: boolean;
  /** When to find that out, in `performance.now()` time. */
  placeAt: number;
  retry: IBackoff<unknown> | undefined;
  /** The next batch. */
  fetched: readonly ConsumedRecord[];
  /** True if more records may follow. */
  stale: boolean;
}

const DEFAULT_BATCH_RECORDS = 200;
/** How soon a partition that was left alone is asked about again. */
const ASK_AGAIN_MS = 2_000;
const retryBackoff = new ExponentialBackoff({ initialDelay: 100, maxDelay: 10_000 });

/** A group member: a loop that handles batches, and a heartbeat that keeps its share of the partitions. */
export class GroupConsumer implements Consumer {
  private readonly held = new Map<number, Held>();
  private readonly wake = new Wake();
  private inHand: Held | undefined;
  private rebalancing: Promise<void> | undefined;
  private rebalanceAgain = false;
  private readonly stopSignal = new AbortController();
  private stopped: Promise<void> | undefined;
  private readonly loop: Promise<void>;
  private readonly heartbeat: NodeJS.Timeout;

  /** @param heartbeatMs also the polling interval, in case a notification is lost. */
  constructor(
    private readonly database: LogDatabase,
    private readonly membership: Membership,
    private readonly subscription: Subscription,
    /** False while other members may consider this one dead. */
    private readonly isShownAlive: () => boolean,
    heartbeatMs: number,
    private readonly report: Report,
  ) {
    this.loop = this.run();
    this.heartbeat = setInterval(() => this.refresh(), heartbeatMs);
  }

  get group(): string {
    return this.membership.group;
  }

  get memberId(): number {
    return this.membership.id;
  }

  assignment(): readonly string[] {
    return [...this.held.values()]
      .sort((a, b) => (a.topic < b.topic ? -1 : a.topic > b.topic ? 1 : a.partition - b.partition))
      .map(({ topic, partition }) => `${topic}/${partition}`);
  }

  stop(): Promise<void> {
    this.stopped ??= this.end();
    return this.stopped;
  }

  /** Signals that the partition has new records. */
  recordsIn(partitionId: number): void {
    const held = this.held.get(partitionId);
    if (!held) return;
    held.stale = true;
    this.wake.notify();
  }

  /** Checks all partitions for new records and rebalances. */
  refresh(): void {
    for (const held of this.held.values()) {
      held.stale = true;
      if (!held.isCommitted && held !== this.inHand) void this.commit(held);
    }
    this.wake.notify();
    void this.rebalance();
  }

  /** Resolves when a rebalance that began after the call has ended or failed. Rebalances never overlap. */
  rebalance(): Promise<void> {
    this.rebalanceAgain = true;
    this.rebalancing ??= this.rebalanceWhileAsked();
    return this.rebalancing;
  }

  private async rebalanceWhileAsked(): Promise<void> {
    // Deferred, so that the caller has stored the promise first.
    await Promise.resolve();
    // Without its lock, the others would remove it as often as it joined. After a reconnect it rebalances anyway.
    while (this.rebalanceAgain && this.isShownAlive() && !this.stopSignal.signal.aborted) {
      this.rebalanceAgain = false;
      const released = [...this.held.values()].filter(
        (held) => held.leaving.signal.aborted && held !== this.inHand,
      );
      try {
        this.adopt(await this.membership.rebalance(released.map(({ partitionId }) => partitionId)));
      } catch (error) {
        this.report(error, `sharing the partitions of group "${this.group}"`);
      }
    }
    // Synchronously, so that no call is lost between the last check and the end.
    this.rebalancing = undefined;
  }

  private adopt(holdings: readonly Holding[]): void {
    const current = new Map(holdings.map((holding) => [holding.partitionId, holding]));
    for (const held of this.held.values()) {
      if (current.get(held.partitionId)?.epoch === held.epoch) continue;
      this.held.delete(held.partitionId);
      held.leaving.abort();
    }
    for (const { partitionId, topic, partition, log, committed, epoch, keep } of holdings) {
      const held = this.held.get(partitionId);
      if (!held) {
        this.held.set(partitionId, {
          partitionId,
          topic,
          partition,
          log,
          epoch,
          leaving: new AbortController(),
          committed,
          isCommitted: true,
          position: committed,
          isPlaced: false,
          placeAt: 0,
          retry: undefined,
          fetched: [],
          stale: true,
        });
      } else if (!keep && !held.leaving.signal.aborted) {
        held.leaving.abort();
        // The partition of the current batch is released when the batch is done.
        if (held !== this.inHand) this.rebalanceAgain = true;
      }
    }
    this.wake.notify();
  }

  private async run(): Promise<void> {
    let pause: IBackoff<unknown> | undefined;
    while (!this.stopSignal.signal.aborted) {
      const kept = [...this.held.values()].filter(({ leaving }) => !leaving.signal.aborted);
      const ready = kept.find(({ fetched }) => fetched.length > 0);
      if (ready) {
        await this.handle(ready);
        continue;
      }
      const homeless = kept.filter((held) => !held.isPlaced && held.placeAt <= performance.now());
      const stale = kept.filter((held) => held.isPlaced && held.stale);
      if (homeless.length === 0 && stale.length === 0) {
        await this.wake.rest(this.untilPlaced());
        continue;
      }
      if (homeless.length > 0) await this.place(homeless);
      if (stale.length === 0) continue;
      try {
        await this.fetch(stale);
        pause = undefined;
      } catch (error) {
        this.report(error, `fetching records for group "${this.group}"`);
        pause = pause ? pause.next(undefined) : retryBackoff.next();
        await this.pause(pause.duration);
      }
    }
  }

  private untilPlaced(): number {
    const times = [...this.held.values()]
      .filter(({ isPlaced, leaving }) => !isPlaced && !leaving.signal.aborted)
      .map(({ placeAt }) => placeAt);
    return Math.min(60_000, ...times.map((time) => Math.max(1, time - performance.now())));
  }

  /** Finds out where to start in partitions that are new, or whose batch has failed. */
  private async place(homeless: readonly Held[]): Promise<void> {
    try {
      const starts = await this.startsOf(homeless);
      for (const [index, held] of homeless.entries()) {
        const start = starts[index];
        held.isPlaced = start !== undefined;
        held.position = start ?? held.position;
        held.placeAt = performance.now() + ASK_AGAIN_MS;
        held.stale = true;
        // The position may be elsewhere than the group's offset.
        if (held.isPlaced && held.position !== held.committed) await this.commit(held);
      }
    } catch (error) {
      this.report(error, `finding out where to start in group "${this.group}"`);
      for (const held of homeless) this.tryLater(held);
    }
  }

  private async startsOf(homeless: readonly Held[]): Promise<readonly (number | undefined)[]> {
    const { startAt } = this.subscription;
    if (!startAt) return homeless.map(({ committed }) => committed);
    const extents = await describePartitions(this.database, {
      ids: homeless.map(({ partitionId }) => partitionId),
    });
    // Of a topic that was deleted just now, there is nothing to describe.
    const there = homeless.filter(({ partitionId }) => extents.has(partitionId));
    const starts = await startAt(
      there.map(({ partitionId }) => extents.get(partitionId) as PartitionDescription),
    );
    return homeless.map((held) => starts[there.indexOf(held)]);
  }

  private tryLater(held: Held): void {
    held.isPlaced = false;
    held.fetched = [];
    held.retry = held.retry ? held.retry.next(undefined) : retryBackoff.next();
    held.placeAt = performance.now() + held.retry.duration;
  }

  private async pause(durationMs: number): Promise<void> {
    await setTimeout(durationMs, undefined, { signal: this.stopSignal.signal }).catch(() => undefined);
  }

  private async fetch(stale: readonly Held[]): Promise<void> {
    for (const held of stale) held.stale = false;
    try {
      const pages = await fetchRecords(
        this.database,
        stale,
        this.subscription.maxBatchRecords ?? DEFAULT_BATCH_RECORDS,
      );
      for (const held of stale) {
        const page = pages.get(held.partitionId);
        held.fetched = page?.records ?? [];
        held.stale ||= page?.more ?? false;
      }
    } catch (error) {
      for (const held of stale) held.stale = true;
      throw error;
    }
  }

  private async handle(held: Held): Promise<void> {
    const { topic, partition, log, position: from, fetched: records, leaving } = held;
    const last = records.at(-1);
    if (!last) return;
    const to = last.offset + 1;
    this.inHand = held;
    try {
      await this.subscription.handle({ topic, partition, log, from, to, records }, leaving.signal);
      held.fetched = [];
      held.retry = undefined;
      held.position = to;
      await this.commit(held);
    } catch (error) {
      if (!leaving.signal.aborted) {
        this.tryLater(held);
        this.report(
          error,
          `handling ${topic}/${partition} from offset ${records[0]?.offset} in group "${this.group}"`,
        );
      }
    } finally {
      this.inHand = undefined;
    }
    if (leaving.signal.aborted) void this.rebalance();
  }

  /** Moves the group's offset. If that fails, the next batch or heartbeat tries again. */
  private async commit(held: Held): Promise<void> {
    const { partitionId, epoch, position } = held;
    held.committed = position;
    held.isCommitted = false;
    try {
      const done = await this.membership.commit(partitionId, epoch, position);
      held.isCommitted = held.committed === position;
      if (!done) held.leaving.abort();
    } catch (error) {
      this.report(error, `moving the offset of group "${this.group}" in ${held.topic}/${held.partition}`);
    }
  }

  private async end(): Promise<void> {
    this.stopSignal.abort();
    clearInterval(this.heartbeat);
    for (const held of this.held.values()) held.leaving.abort();
    this.wake.notify();
    await this.loop;
    await this.rebalancing;
    try {
      await this.membership.leave();
    } catch (error) {
      // Otherwise the others remove it once its heartbeat has expired.
      this.report(error, `leaving group "${this.group}"`);
    }
    this.held.clear();
  }
}
