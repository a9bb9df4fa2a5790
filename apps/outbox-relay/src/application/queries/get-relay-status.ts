import type { Clock } from '@atlas/ports/application';
import type { RelayProgress, RelayRole } from '../../domain/relay-progress';
import type { OutboxBacklog, OutboxSource } from '../ports';

export interface RelayStatus {
  readonly service: string;
  readonly role: RelayRole;
  /** How far it has published; null for a standby, unless it is one because it fails. */
  readonly cursor: string | null;
  /** What is committed and not yet published; null without a cursor, or if the database doesn't answer in time. */
  readonly backlog: OutboxBacklog | null;
  /** Since the process started: records, transactions on the log, and failures of either side. */
  readonly published: number;
  readonly transactions: number;
  readonly failures: number;
  /** Why it makes no progress; null if it does, or has stood by without a failure for a minute. */
  readonly failure: string | null;
  /** Whether it publishes nothing because the database was replaced: see {@link failure}. */
  readonly isHalted: boolean;
}

const BACKLOG_TIMEOUT_MS = 1_000;

export class GetRelayStatus {
  constructor(
    private readonly outbox: OutboxSource,
    private readonly progress: RelayProgress,
    private readonly clock: Clock,
    private readonly service: string,
  ) {}

  async execute(): Promise<RelayStatus> {
    const now = this.clock.now();
    const { role, cursor, published, transactions, failures, isHalted } = this.progress;
    const failure = this.progress.failureAt(now) ?? null;
    const isKnown = this.progress.knowsBacklogAt(now);
    return {
      service: this.service,
      role,
      cursor: isKnown ? (cursor ?? null) : null,
      backlog: isKnown ? await this.backlog(cursor) : null,
      published,
      transactions,
      failures,
      failure,
      isHalted,
    };
  }

  private async backlog(cursor: string | undefined): Promise<OutboxBacklog | null> {
    let timer: NodeJS.Timeout | undefined;
    const timeout = new Promise<null>((resolve) => {
      timer = setTimeout(() => resolve(null), BACKLOG_TIMEOUT_MS);
    });
    try {
      return await Promise.race([this.outbox.backlog(cursor).catch(() => null), timeout]);
    } finally {
      clearTimeout(timer);
    }
  }
}
