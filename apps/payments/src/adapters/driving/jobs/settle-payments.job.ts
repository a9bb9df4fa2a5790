import { setImmediate } from 'node:timers/promises';
import { Injectable, Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { isInfrastructureError } from '@atlas/resilience';
import type { Payment } from '../../../domain/payment';
import { DueSignal } from '../../../application/ports';
import { type Settlement, SettlePayments } from '../../../application/commands/settle-payments';

/** How many questions to the provider may be open at a time. */
const MAX_OPEN = 32;
/** What is not signalled, such as a retry that falls due or a dead replica's claim, is found by looking. */
const POLL_MS = 250;

/** Wakes the worker of this process; those of other replicas look now and then. */
export class InProcessDueSignal extends DueSignal {
  private listener = () => {};

  raise(): void {
    this.listener();
  }

  listen(listener: () => void): void {
    this.listener = listener;
  }
}

/**
 * Keeps asking the provider for what is due, many at a time, so that one slow answer holds up no other. What is
 * answered while a batch is recorded is the next batch, and what that frees is claimed together: so batches grow with
 * the load by themselves.
 */
@Injectable()
export class SettlePaymentsJob implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly logger = new Logger(SettlePaymentsJob.name);
  private readonly answers: Settlement[] = [];
  /** Claimed and not recorded yet. */
  private open = 0;
  private mayBeDue = true;
  private started = false;
  private stopping = new AbortController();
  private news = Promise.withResolvers<void>();
  private running: Promise<void> = Promise.resolve();

  constructor(
    private readonly settlePayments: SettlePayments,
    private readonly signal: InProcessDueSignal,
  ) {}

  onApplicationBootstrap(): void {
    this.start();
  }

  /** Does nothing while it runs: a second loop would outlive {@link stop}. */
  start(): void {
    if (this.started) return;
    this.started = true;
    this.stopping = new AbortController();
    this.signal.listen(() => this.look());
    this.running = this.run();
  }

  /** Ends once the open questions are answered and recorded. */
  async stop(): Promise<void> {
    this.stopping.abort();
    this.news.resolve();
    await this.running;
    this.started = false;
  }

  onModuleDestroy(): Promise<void> {
    return this.stop();
  }

  private async run(): Promise<void> {
    const poll = setInterval(() => this.look(), POLL_MS);
    this.look();
    while (!this.stopping.signal.aborted || this.open > 0) {
      await this.news.promise;
      this.news = Promise.withResolvers();
      // What else is answered in this turn of the event loop belongs to the batch.
      await setImmediate();
      await this.record();
      await this.claim();
    }
    clearInterval(poll);
  }

  /** Only resolves a promise: whoever raises the signal may be in a unit of work, which must not go on in here. */
  private look(): void {
    this.mayBeDue = true;
    this.news.resolve();
  }

  private async claim(): Promise<void> {
    const free = MAX_OPEN - this.open;
    if (this.stopping.signal.aborted || !this.mayBeDue || free === 0) return;
    this.mayBeDue = false;
    try {
      const payments = await this.settlePayments.claim(free);
      for (const payment of payments) void this.attempt(payment);
      if (payments.length === free) this.look();
    } catch (error) {
      this.logger.warn(`Can't see what is due, looking again soon: ${String(error)}`);
    }
  }

  private async attempt(payment: Payment): Promise<void> {
    this.open++;
    const answer = await this.settlePayments.attempt(payment);
    if (answer.error) this.logger.warn(`Payment ${payment.id} is tried again: ${answer.error.message}`);
    this.answers.push(answer);
    this.news.resolve();
  }

  private async record(): Promise<void> {
    const answers = this.answers.splice(0);
    if (answers.length === 0) return;
    try {
      await this.settlePayments.record(answers);
      this.open -= answers.length;
    } catch (error) {
      await this.recover(answers, error);
    }
  }

  /** A database that is away is waited for; an answer that can't be recorded must not hold up the others. */
  private async recover(answers: readonly Settlement[], error: unknown): Promise<void> {
    if (isInfrastructureError(error) && !this.stopping.signal.aborted) {
      this.logger.warn(`${answers.length} answers wait to be recorded: ${String(error)}`);
      this.answers.unshift(...answers);
      return;
    }
    for (const answer of answers) {
      try {
        await this.settlePayments.record([answer]);
      } catch (failure) {
        // The claim ends by itself, and the same question gets the same answer again.
        this.logger.error(`Payment ${answer.paymentId} can't be recorded: ${String(failure)}`);
      }
      this.open -= 1;
    }
  }
}
