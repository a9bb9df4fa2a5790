import { err, ok, type Result } from '@atlas/kernel';
import type { Clock, IdGenerator } from '@atlas/ports/application';
import { Order } from '../../domain/order';
import { OrderLine } from '../../domain/order-line';
import type { OrderRepository, PriceBook } from '../ports';

export interface PlaceOrderCommand {
  readonly customerId: string;
  readonly lines: readonly { readonly sku: string; readonly quantity: number }[];
  readonly paymentToken: string;
}

/** The indexes of the lines whose SKU has no price. */
export interface UnknownSkus {
  readonly indexes: readonly number[];
}

export class PlaceOrder {
  constructor(
    private readonly orders: OrderRepository,
    private readonly prices: PriceBook,
    private readonly clock: Clock,
    private readonly ids: IdGenerator,
    /** How long an order may take to be settled, milliseconds. */
    private readonly deadlineMs: number,
  ) {}

  async execute({ customerId, lines, paymentToken }: PlaceOrderCommand): Promise<Result<Order, UnknownSkus>> {
    const prices = await this.prices.pricesOf(lines.map((line) => line.sku));
    const priced: OrderLine[] = [];
    const indexes: number[] = [];
    for (const [index, { sku, quantity }] of lines.entries()) {
      const unitPrice = prices.get(sku);
      if (unitPrice) priced.push(new OrderLine(sku, quantity, unitPrice));
      else indexes.push(index);
    }
    if (indexes.length > 0) return err({ indexes });
    const at = this.clock.now();
    const placed = Order.place({
      id: this.ids.next(),
      customerId,
      lines: priced,
      paymentToken,
      at,
      dueAt: new Date(at.getTime() + this.deadlineMs),
    });
    await this.orders.add(placed);
    return ok(placed.next);
  }
}
