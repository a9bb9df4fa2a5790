import { type BookPage, Books } from '../../../application/ports';
import {
  type BookEntry,
  type Charge,
  type KeyedResult,
  type Refund,
  type RefundRequest,
  type RefundResult,
  repeatedCharge,
  repeatedRefund,
} from '../../../domain/charge';

/** Nothing is ever in progress here: each request is done at once. */
export class MemoryBooks extends Books {
  /** Every movement of money, oldest first. */
  readonly entries: BookEntry[] = [];
  /** By key. */
  private readonly charges = new Map<string, Charge>();
  private readonly refunds = new Map<string, Refund>();

  async addCharge(key: string, charge: Charge): Promise<KeyedResult<Charge>> {
    const known = this.charges.get(key);
    if (known) return repeatedCharge(charge, known);
    this.charges.set(key, charge);
    const { id, reference, amount, declined, createdAt: at } = charge;
    if (declined === undefined)
      this.entries.push({ id, kind: 'charge', chargeId: id, reference, amount, at });
    return { kind: 'created', value: charge };
  }

  async addRefund(key: string, refund: RefundRequest): Promise<RefundResult> {
    const { id, chargeId, createdAt } = refund;
    const known = this.refunds.get(key);
    if (known) return repeatedRefund({ ...refund, key }, { ...known, key });
    const charge = await this.getCharge(chargeId);
    if (!charge || charge.declined !== undefined) return { kind: 'no-such-charge' };
    const [other] = [...this.refunds].filter(([, each]) => each.chargeId === chargeId);
    if (other) return repeatedRefund({ ...refund, key }, { ...other[1], key: other[0] });
    const { reference, amount } = charge;
    const value = { id, chargeId, amount, createdAt };
    this.refunds.set(key, value);
    this.entries.push({ id, kind: 'refund', chargeId, reference, amount, at: createdAt });
    return { kind: 'created', value };
  }

  async getCharge(chargeId: string): Promise<Charge | undefined> {
    const charge = [...this.charges.values()].find(({ id }) => id === chargeId);
    const refund = [...this.refunds.values()].find((each) => each.chargeId === chargeId);
    return charge && (refund ? { ...charge, refund } : charge);
  }

  async listCharges(reference: string): Promise<readonly Charge[]> {
    const ids = [...this.charges.values()].filter((charge) => charge.reference === reference);
    const charges = await Promise.all(ids.map(({ id }) => this.getCharge(id)));
    return charges
      .filter((charge) => charge !== undefined)
      .sort((a, b) => a.createdAt.getTime() - b.createdAt.getTime() || (a.id < b.id ? -1 : 1));
  }

  async listEntries(after = '0.0', limit: number): Promise<BookPage> {
    const begin = Number(after.split('.')[1]);
    const entries = this.entries.slice(begin, begin + limit);
    return { entries, next: `0.${begin + entries.length}` };
  }
}
