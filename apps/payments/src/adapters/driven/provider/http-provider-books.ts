import { Money } from '@atlas/kernel';
import type { Resilience } from '@atlas/resilience';
import {
  type FormerCharge,
  NewProvider,
  ProviderBooks,
  type StatementPage,
} from '../../../application/ports';
import type { ProviderClient } from './provider-client';
import { booksAnswer, takeOverAnswer } from './provider.schemas';

const PAGE = 500;

export class HttpProviderBooks extends ProviderBooks {
  constructor(
    private readonly client: ProviderClient,
    private readonly resilience: Resilience,
  ) {
    super();
  }

  async read(after: string | undefined): Promise<StatementPage> {
    const query = new URLSearchParams({ limit: String(PAGE), ...(after !== undefined && { after }) });
    const { entries, next } = await this.resilience
      .policy('providerReads')
      .execute(
        ({ signal }) => this.client.call('GET', `/books?${query.toString()}`, booksAnswer, { signal }),
        {
          idempotent: true,
        },
      );
    const lines = entries.map(({ amount, ...same }) => ({
      ...same,
      amount: Money.of(amount.minorUnits, amount.currency),
    }));
    return { lines, next };
  }
}

export class HttpNewProvider extends NewProvider {
  constructor(
    private readonly client: ProviderClient,
    private readonly resilience: Resilience,
  ) {
    super();
  }

  async takeOver(charges: readonly FormerCharge[]): Promise<void> {
    const body = { charges: charges.map(toForeignCharge) };
    await this.resilience
      .policy('provider')
      .execute(
        ({ signal }) => this.client.call('POST', '/charges/take-over', takeOverAnswer, { body, signal }),
        { idempotent: true },
      );
  }
}

const toForeignCharge = ({
  paymentId,
  amount,
  paymentToken,
  chargeId,
  refundId,
  declined,
}: FormerCharge) => ({
  key: paymentId,
  reference: paymentId,
  amount: { minorUnits: amount.minorUnits, currency: amount.currency },
  source: paymentToken,
  id: chargeId,
  declined,
  refund: refundId === undefined ? undefined : { id: refundId, key: `${paymentId}:refund` },
});
