import { createHash } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import type { Money } from '@atlas/kernel';
import type { DataSource } from 'typeorm';
import {
  type ChargeOutcome,
  type ChargeRecord,
  PaymentProvider,
  type RefundOutcome,
} from '../../../application/ports';

interface BookedCharge {
  readonly charge_id: string | null;
  readonly declined: string | null;
}

/** What each token of the test mode is declined for; undefined: it is approved. */
const TOKENS: ReadonlyMap<string, string | undefined> = new Map([
  ['tok_approve', undefined],
  ['tok_decline', 'insufficient funds'],
]);
const SILENT_TOKEN = 'tok_timeout';

/**
 * A provider for development, like the test mode of a real one: `tok_approve` is charged, `tok_decline` declined,
 * `tok_timeout` never answered (and not charged); any other token is declined as unknown. It keeps books of its own,
 * outside of any transaction of ours, so that it remembers a charge whose answer got lost.
 */
export class SandboxProvider extends PaymentProvider {
  constructor(
    private readonly books: DataSource,
    private readonly timeoutMs: number,
  ) {
    super();
  }

  async charge(key: string, amount: Money, paymentToken: string): Promise<ChargeOutcome> {
    if (paymentToken === SILENT_TOKEN) {
      await setTimeout(this.timeoutMs);
      return { kind: 'unknown' };
    }
    const declined = TOKENS.has(paymentToken)
      ? TOKENS.get(paymentToken)
      : `there is no token "${paymentToken}"`;
    // The update changes nothing but yields the row, whoever wrote it: the first outcome stands.
    const [row]: BookedCharge[] = await this.books.query(
      `INSERT INTO sandbox_provider.charge (key, amount, charge_id, declined) VALUES ($1, $2, $3, $4)
       ON CONFLICT (key) DO UPDATE SET key = excluded.key RETURNING charge_id, declined`,
      [key, amount.minorUnits, declined === undefined ? idFor('ch', key) : null, declined ?? null],
    );
    return row ? outcomeOf(row) : { kind: 'unknown' };
  }

  async refund(key: string, chargeId: string): Promise<RefundOutcome> {
    const [rows]: [{ refund_id: string }[], number] = await this.books.query(
      `UPDATE sandbox_provider.charge SET refund_id = coalesce(refund_id, $2) WHERE charge_id = $1
       RETURNING refund_id`,
      [chargeId, idFor('re', key)],
    );
    const [row] = rows;
    return row
      ? { kind: 'refunded', refundId: row.refund_id }
      : { kind: 'declined', reason: `there is no charge ${chargeId}` };
  }

  async lookup(key: string): Promise<ChargeRecord> {
    const [row]: BookedCharge[] = await this.books.query(
      'SELECT charge_id, declined FROM sandbox_provider.charge WHERE key = $1',
      [key],
    );
    return row ? outcomeOf(row) : { kind: 'not-charged' };
  }
}

const outcomeOf = ({ charge_id: chargeId, declined }: BookedCharge): ChargeOutcome =>
  chargeId === null ? { kind: 'declined', reason: declined ?? 'declined' } : { kind: 'approved', chargeId };

/** The same for the same key, so that a repeated call is recognised by its answer. */
const idFor = (prefix: string, key: string): string =>
  `${prefix}_${createHash('sha256').update(key).digest('hex').slice(0, 24)}`;
