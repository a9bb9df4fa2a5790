import type { Money } from '@atlas/kernel';
import { z } from 'zod';
import type { AccountBalance } from '../../../domain/ledger';
import type { Payment } from '../../../domain/payment';

export const orderId = z.uuid('An order id is a UUID');

const money = z.object({
  minorUnits: z.int().describe('Whole minor units: 199 is 1.99 EUR'),
  currency: z.string(),
});

export const paymentResponse = z
  .object({
    orderId: z.uuid(),
    status: z.enum(['pending', 'captured', 'declined', 'failed', 'voided', 'refunding', 'refunded']),
    amount: money,
    chargeId: z.string().optional().describe("The provider's name for the charge"),
    refundId: z.string().optional().describe("The provider's name for the refund"),
    reason: z.string().optional().describe('Why it was declined or failed, or is not refunded yet'),
    attempts: z.int().describe('How often a question to the provider was begun'),
    version: z.int(),
    requestedAt: z.iso.datetime(),
    changedAt: z.iso.datetime(),
  })
  .meta({ id: 'Payment' });

export const balancesResponse = z.object({
  balances: z.array(
    z.object({
      account: z.enum(['provider-clearing', 'sales']),
      balance: money.describe('Debits less credits'),
    }),
  ),
});

export const reconciliationResponse = z
  .object({
    position: z.string().nullable().describe('Where to read on; null: from the beginning'),
    differences: z
      .array(
        z.object({
          kind: z.enum(['surplus-charge', 'unknown-charge', 'amount', 'missing-charge', 'missing-refund']),
          id: z.string().describe("The charge's or the refund's"),
          reference: z.string().describe("The payment's id, or what else the charge was made for"),
        }),
      )
      .describe('At most 100'),
  })
  .meta({ id: 'Reconciliation' });

export type ReconciliationResponse = z.infer<typeof reconciliationResponse>;
export type PaymentResponse = z.infer<typeof paymentResponse>;
export type BalancesResponse = z.infer<typeof balancesResponse>;

export function toPaymentResponse(payment: Payment): PaymentResponse {
  const { id, status, amount, chargeId, refundId, reason, attempts, version, requestedAt, changedAt } =
    payment.snapshot();
  return {
    orderId: id,
    status,
    amount: toMoney(amount),
    chargeId,
    refundId,
    reason,
    attempts,
    version,
    requestedAt: requestedAt.toISOString(),
    changedAt: changedAt.toISOString(),
  };
}

export const toBalanceResponse = ({
  account,
  balance,
}: AccountBalance): BalancesResponse['balances'][number] => ({ account, balance: toMoney(balance) });

const toMoney = ({ minorUnits, currency }: Money) => ({ minorUnits, currency });
