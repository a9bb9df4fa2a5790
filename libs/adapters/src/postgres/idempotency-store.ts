import {
  type IdempotencyKey,
  IdempotencyStore,
  type IdempotencyVerdict,
  type StoredAnswer,
} from '@atlas/ports/adapters';
import type { PostgresUnitOfWork } from './unit-of-work';

interface AnswerRow {
  readonly fingerprint: string;
  readonly status: number;
  readonly headers: Record<string, string>;
  readonly body: string | null;
}

/** A claim is a transaction-level advisory lock, so it ends with the transaction even if the process is killed. */
export class PostgresIdempotencyStore extends IdempotencyStore {
  constructor(private readonly unitOfWork: PostgresUnitOfWork) {
    super();
  }

  async claim({ scope, key, fingerprint }: IdempotencyKey): Promise<IdempotencyVerdict> {
    const { manager } = this.unitOfWork;
    const [row]: ({ claimed: boolean } & Partial<AnswerRow>)[] = await manager.query(
      'SELECT * FROM claim_idempotency_key($1, $2)',
      [scope, key],
    );
    if (!row?.claimed) return { state: 'in-flight' };
    if (!isAnswer(row)) return { state: 'new' };
    if (row.fingerprint !== fingerprint) return { state: 'other-request' };
    const body: unknown = row.body === null ? undefined : JSON.parse(row.body);
    return { state: 'answered', answer: { status: row.status, headers: row.headers, body } };
  }

  async store(
    { scope, key, fingerprint }: IdempotencyKey,
    answer: StoredAnswer,
    ttlMs: number,
  ): Promise<void> {
    await this.unitOfWork.manager.query(
      `INSERT INTO idempotency_key (scope, key, fingerprint, status, headers, body, expires_at)
       VALUES ($1, $2, $3, $4, $5, $6, now() + $7 * interval '1 millisecond')
       ON CONFLICT (scope, key) DO UPDATE SET
         fingerprint = excluded.fingerprint, status = excluded.status, headers = excluded.headers,
         body = excluded.body, created_at = now(), expires_at = excluded.expires_at`,
      [
        scope,
        key,
        fingerprint,
        answer.status,
        JSON.stringify(answer.headers),
        answer.body === undefined ? null : JSON.stringify(answer.body),
        ttlMs,
      ],
    );
  }

  async prune(limit: number): Promise<number> {
    // Skips keys that another replica is pruning or a request is rewriting.
    const [, count]: [unknown, number] = await this.unitOfWork.manager.query(
      `DELETE FROM idempotency_key WHERE ctid = ANY (ARRAY(
         SELECT ctid FROM idempotency_key WHERE expires_at <= now() ORDER BY expires_at LIMIT $1
         FOR UPDATE SKIP LOCKED
       ))`,
      [limit],
    );
    return count;
  }
}

const isAnswer = (row: Partial<AnswerRow>): row is AnswerRow => typeof row.status === 'number';
