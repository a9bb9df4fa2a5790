import { Money } from '@atlas/kernel';
import type { Resilience } from '@atlas/resilience';
import { ProviderBooks, type StatementPage } from '../../../application/ports';
import type { ProviderClient } from './provider-client';
import { booksAnswer } from './provider.schemas';

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
        { idempotent: true },
      );
    const lines = entries.map(({ amount, ...same }) => ({
      ...same,
      amount: Money.of(amount.minorUnits, amount.currency),
    }));
    return { lines, next };
  }
}
