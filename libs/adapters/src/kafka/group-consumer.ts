import { setTimeout as pause } from 'node:timers/promises';
import type { Consumer, Subscription } from '@atlas/ports/adapters';
import { ExponentialBackoff } from 'cockatiel';
import { type Report, whileBusy } from './errors';
import { GroupMember } from './group-member';
import type { KafkaClient } from './client';

export interface GroupConsumerOptions {
  /** Creates the client of one membership. */
  readonly connect: () => KafkaClient;
  readonly sessionTimeoutMs: number;
  readonly report: Report;
}

/** The longest wait before a new attempt, as in Kafka's own clients. */
const backoff = new ExponentialBackoff({ initialDelay: 200, maxDelay: 1_000 });

/** Keeps a member in a group: after a failure, a new member joins. */
export class GroupConsumer implements Consumer {
  private readonly stopping = new AbortController();
  private member: GroupMember | undefined;
  /** Failed members that the group may still wait for. */
  private readonly lost = new Set<string>();
  /** The partitions of the last member, as `topic/partition`. */
  private readonly claims = new Set<string>();
  private running: Promise<void> = Promise.resolve();
  private stopped: Promise<void> | undefined;

  private constructor(
    private readonly subscription: Subscription,
    private readonly options: GroupConsumerOptions,
  ) {}

  /** @throws Error if it can't join. After that it stays or rejoins, whatever happens to the brokers. */
  static async join(subscription: Subscription, options: GroupConsumerOptions): Promise<GroupConsumer> {
    const consumer = new GroupConsumer(subscription, options);
    const member = await whileBusy.execute(() => consumer.joinOnce());
    consumer.running = consumer.stayJoined(member);
    return consumer;
  }

  assignment(): readonly string[] {
    return this.member?.assignment() ?? [];
  }

  stop(): Promise<void> {
    this.stopped ??= this.end();
    return this.stopped;
  }

  private async end(): Promise<void> {
    this.stopping.abort();
    await this.member?.leave();
    await this.running;
  }

  private async joinOnce(): Promise<GroupMember> {
    const { connect, sessionTimeoutMs, report } = this.options;
    const { subscription, lost, claims } = this;
    this.member = new GroupMember(connect(), subscription, sessionTimeoutMs, report, lost, claims);
    await this.member.join();
    return this.member;
  }

  private async stayJoined(member: GroupMember | undefined): Promise<void> {
    const { signal } = this.stopping;
    const during = `consuming as group "${this.subscription.group}"`;
    let wait = backoff.next();
    for (let current = member; !signal.aborted;) {
      if (current) {
        const failure = await current.ended;
        current = undefined;
        wait = backoff.next();
        if (!signal.aborted) this.options.report(failure, during);
      }
      await pause(wait.duration, undefined, { signal }).catch(() => undefined);
      if (signal.aborted) return;
      wait = wait.next(undefined);
      try {
        current = await this.joinOnce();
      } catch (error) {
        if (!signal.aborted) this.options.report(error, during);
      }
    }
  }
}
