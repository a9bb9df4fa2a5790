import {
  type BeforeApplicationShutdown,
  Injectable,
  Logger,
  type OnApplicationBootstrap,
} from '@nestjs/common';
import { Readiness } from '@atlas/service';
import { type RelayEvent, RelayOutbox } from '../../../application/commands/relay-outbox';
import { GetRelayStatus } from '../../../application/queries/get-relay-status';

/** Runs the relay from the start of the process to its end. */
@Injectable()
export class RelayOutboxJob implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly logger = new Logger(RelayOutboxJob.name);
  private readonly stopping = new AbortController();
  private running: Promise<void> | undefined;

  constructor(
    private readonly relayOutbox: RelayOutbox,
    private readonly getStatus: GetRelayStatus,
    private readonly readiness: Readiness,
  ) {}

  /** A relay that waits for its database or the log is ready too: it recovers without help. */
  onApplicationBootstrap(): void {
    this.readiness.add('relay', async (indicator) => {
      const { role, cursor, backlog, failure, isHalted } = await this.getStatus.execute();
      const data = {
        role,
        cursor,
        rows: backlog?.rows ?? null,
        isEstimate: backlog?.isEstimate ?? null,
        oldestAgeMs: backlog?.oldestAgeMs ?? null,
        isHalted,
      };
      return failure === null ? indicator.up(data) : indicator.degraded({ ...data, message: failure });
    });
    this.running = this.relayOutbox
      .execute(this.stopping.signal, (event) => this.log(event))
      .catch((error: unknown) => {
        // Nothing awaits this promise before the shutdown, so the process ends; log the reason first.
        this.logger.error(messageOf(error));
        throw error;
      });
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.stopping.abort();
    await this.running;
  }

  private log(event: RelayEvent): void {
    switch (event.type) {
      case 'became-owner':
        return this.logger.log(`Owns the outbox; publishing from ${event.cursor ?? 'the beginning'}`);
      case 'server-changed':
        return this.logger.log(`${event.change}. Continuing`);
      case 'halted':
        return this.logger.error(event.reason);
      case 'waits':
        return this.logger.log(`Waiting. ${event.reason}`);
      case 'failed':
        return this.logger.warn(
          `Failed; resuming from the stored cursor in ${Math.round(event.retryInMs)} ms: ${messageOf(event.error)}`,
        );
      case 'pruned':
        return this.logger.log(`Deleted ${event.rows} published rows past their retention`);
      case 'prune-failed':
        return this.logger.warn(`Could not delete old rows, retrying in a minute: ${messageOf(event.error)}`);
    }
  }
}

const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error));
