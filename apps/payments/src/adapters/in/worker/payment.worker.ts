import { setTimeout } from 'node:timers/promises';
import { Injectable, Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { DueSignal } from '../../../application/ports';
import { type Settlement, SettlePayments } from '../../../application/settle-payments';

/** How many questions to the provider may be open at a time. */
const MAX_OPEN = 32;
/** What is not signalled, such as a retry that falls due or a dead replica's claim, is found by looking. */
const POLL_MS = 250;

/** Wakes the worker of this process; those of other replicas look now and then. */
export class InProcessDueSignal extends DueSignal {
  private wake: (() => void) | undefined;
  private raised = false;

  raise(): void {
    this.raised = true;
    this.wake?.();
  }

  /** Resolves when the signal is raised, or was since the last call; at the latest after `timeoutMs`. */
  async wait(timeoutMs: number): Promise<void> {
    const timeout = new AbortController();
    if (!this.raised) {
      await Promise.race([
        new Promise<void>((resolve) => (this.wake = resolve)),
        setTimeout(timeoutMs, undefined, { signal: timeout.signal }).catch(() => undefined),
      ]);
    }
    timeout.abort();
    this.raised = false;
    this.wake = undefined;
  }
}

/**
 * Keeps asking the provider for what is due, many at a time, and records the answers together as they come: one slow
 * answer holds up no other.
 */
@Injectable()
export class PaymentWorker implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly logger = new Logger(PaymentWorker.name);
  private readonly answers: Settlement[] = [];
  private open = 0;
  private stopping = false;
  private running: Promise<void> = Promise.resolve();

  constructor(
    private readonly settlePayments: SettlePayments,
    private readonly signal: InProcessDueSignal,
  ) {}

  onApplicationBootstrap(): void {
    this.start();
  }

  start(): void {
    this.stopping = false;
    this.running = this.run();
  }

  /** Ends once the open questions are answered and recorded. */
  async stop(): Promise<void> {
    this.stopping = true;
    this.signal.raise();
    await this.running;
  }

  onModuleDestroy(): Promise<void> {
    return this.stop();
  }

  private async run(): Promise<void> {
    while (!this.stopping || this.open > 0 || this.answers.length > 0) {
      try {
        const claimed = await this.claim();
        const recorded = await this.record();
        if (claimed + recorded === 0) await this.signal.wait(POLL_MS);
      } catch (error) {
        // The claims end by themselves and the same questions are asked again, so nothing is lost by waiting.
        this.logger.warn(`Payments wait: ${(error as Error).message}`);
        if (this.stopping) return;
        await setTimeout(POLL_MS + Math.random() * POLL_MS);
      }
    }
  }

  private async claim(): Promise<number> {
    if (this.stopping || this.open >= MAX_OPEN) return 0;
    const payments = await this.settlePayments.claim(MAX_OPEN - this.open);
    for (const payment of payments) {
      this.open++;
      void this.settlePayments.attempt(payment).then((answer) => {
        this.open--;
        this.answers.push(answer);
        this.signal.raise();
      });
    }
    return payments.length;
  }

  private async record(): Promise<number> {
    const answers = this.answers.splice(0);
    if (answers.length > 0) await this.settlePayments.record(answers);
    return answers.length;
  }
}
