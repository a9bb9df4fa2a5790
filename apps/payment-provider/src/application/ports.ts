import type { BookEntry, Charge, KeyedResult, RefundRequest, RefundResult } from '../domain/charge';
import type { FaultPlan } from '../domain/fault-plan';

export interface BookPage {
  readonly entries: readonly BookEntry[];
  /** Where the next page starts; pass it back unchanged. If there are no entries, it is the position that was asked for. */
  readonly next: string;
}

/**
 * Charges and refunds. A key is kept for ever with what it created: a repeated request creates nothing new, however late
 * it comes.
 */
export abstract class Books {
  /** Adds the charge, unless its key has one. */
  abstract addCharge(key: string, charge: Charge): Promise<KeyedResult<Charge>>;

  /** Adds the refund of a whole charge; a charge is refunded once, whatever the key. */
  abstract addRefund(key: string, refund: RefundRequest): Promise<RefundResult>;

  abstract getCharge(chargeId: string): Promise<Charge | undefined>;

  /** All with this reference, oldest first. */
  abstract listCharges(reference: string): Promise<readonly Charge[]>;

  /**
   * The movements of money. None can appear later before one that was listed, so a reader that continues from `next`
   * misses none.
   * @param after `next` of the previous page; undefined: from the beginning.
   */
  abstract listEntries(after: string | undefined, limit: number): Promise<BookPage>;
}

/** The faults that are on. */
export abstract class ActiveFaults {
  abstract get(): FaultPlan;
  abstract set(plan: FaultPlan): void;
}
