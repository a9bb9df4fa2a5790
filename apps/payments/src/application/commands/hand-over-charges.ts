import type { FormerCharges, NewProvider } from '../ports';

const PAGE = 500;

/**
 * Brings what the former, built-in provider took to the present one, so that it can be asked about and refunded there,
 * and is not charged again. To be done before the first charge; it may be repeated.
 */
export class HandOverCharges {
  constructor(
    private readonly former: FormerCharges,
    private readonly provider: NewProvider,
  ) {}

  /** @throws if the provider is in no state to answer; the rest is for the next time then. */
  async execute(): Promise<void> {
    for (;;) {
      const charges = await this.former.next(PAGE);
      if (charges.length === 0) return;
      await this.provider.takeOver(charges);
      await this.former.remove(charges);
    }
  }
}
