import { type Change, changed, type Money, unchanged } from '@atlas/kernel';
import type { CancellationReason, OrderEvent } from './order-events';
import type { OrderLine } from './order-line';

/** The maximum number of lines of an order. */
export const MAX_LINES = 1_000;

export const ORDER_STATUSES = ['placed', 'awaiting-payment', 'confirmed', 'cancelled'] as const;

export type OrderStatus = (typeof ORDER_STATUSES)[number];

export interface OrderState {
  readonly id: string;
  readonly customerId: string;
  readonly status: OrderStatus;
  /** Why it was cancelled. */
  readonly reason?: CancellationReason | undefined;
  readonly lines: readonly OrderLine[];
  readonly total: Money;
  readonly paymentToken: string;
  /** When it is cancelled unless settled by then; undefined once settled. */
  readonly dueAt?: Date | undefined;
  readonly version: number;
  /** Every status the order has had, oldest first; the first is `placed`. */
  readonly history: readonly [StatusSince, ...StatusSince[]];
}

export interface StatusSince {
  readonly status: OrderStatus;
  readonly at: Date;
}

export type OrderChange = Change<Order, OrderEvent>;

/**
 * A customer's order and its life cycle: placed → awaiting payment → confirmed, or cancelled at any point. Events of
 * other contexts may arrive late or twice, so a transition that no longer applies changes nothing.
 *
 * why: one context leads the process and knows how far it is; the others only react to it (ADR 8).
 */
export class Order {
  constructor(private readonly state: OrderState) {}

  /** @throws RangeError if there are no lines, too many, or one SKU twice. */
  static place(order: {
    readonly id: string;
    readonly customerId: string;
    readonly lines: readonly OrderLine[];
    readonly paymentToken: string;
    readonly at: Date;
    readonly dueAt: Date;
  }): OrderChange {
    const { id, customerId, lines, paymentToken, at, dueAt } = order;
    const [first, ...rest] = lines;
    if (!first || lines.length > MAX_LINES) {
      throw new RangeError(`An order has 1 to ${MAX_LINES} lines, not ${lines.length}`);
    }
    if (new Set(lines.map((line) => line.sku)).size < lines.length) {
      throw new RangeError('An order has one line for each SKU');
    }
    const total = rest.reduce((sum, line) => sum.plus(line.total), first.total);
    const placed = new Order({
      id,
      customerId,
      status: 'placed',
      lines,
      total,
      paymentToken,
      dueAt,
      version: 1,
      history: [{ status: 'placed', at }],
    });
    return changed(placed, { type: 'order-placed', customerId, lines, total });
  }

  get id(): string {
    return this.state.id;
  }

  get version(): number {
    return this.state.version;
  }

  get placedAt(): Date {
    return this.state.history[0].at;
  }

  /** When it was first confirmed or cancelled. */
  get settledAt(): Date | undefined {
    return this.state.history.find(({ status }) => status === 'confirmed' || status === 'cancelled')?.at;
  }

  snapshot(): OrderState {
    return this.state;
  }

  stockReserved(at: Date): OrderChange {
    if (this.state.status !== 'placed') return unchanged(this);
    const { total: amount, paymentToken } = this.state;
    return changed(this.become('awaiting-payment', at), { type: 'payment-due', amount, paymentToken });
  }

  /** Also applies to a confirmed order: its reservation may expire before inventory receives the confirmation. */
  stockRejected(at: Date): OrderChange {
    const { status } = this.state;
    return status === 'placed' || status === 'confirmed'
      ? this.cancelled('out-of-stock', at)
      : unchanged(this);
  }

  /** Its stock was released. No effect on a confirmed order, for which inventory still has to respond. */
  stockReleased(at: Date): OrderChange {
    return this.state.status === 'awaiting-payment' ? this.cancelled('expired', at) : unchanged(this);
  }

  paymentCaptured(at: Date): OrderChange {
    // If a charge crossed a cancellation, payments refunds it when it receives the cancellation.
    if (this.state.status !== 'awaiting-payment') return unchanged(this);
    const { lines, total } = this.state;
    return changed(this.become('confirmed', at), { type: 'order-confirmed', lines, total });
  }

  paymentRefused(reason: 'payment-declined' | 'payment-failed', at: Date): OrderChange {
    return this.state.status === 'awaiting-payment' ? this.cancelled(reason, at) : unchanged(this);
  }

  /** The customer may cancel at any time, even a confirmed order; stock is released and the payment refunded. */
  cancel(at: Date): OrderChange {
    return this.state.status === 'cancelled' ? unchanged(this) : this.cancelled('customer-request', at);
  }

  /** The deadline has passed: an unsettled order is cancelled; stock is released and the payment refunded. */
  expire(at: Date): OrderChange {
    const { dueAt } = this.state;
    return dueAt !== undefined && at >= dueAt ? this.cancelled('expired', at) : unchanged(this);
  }

  private cancelled(reason: CancellationReason, at: Date): OrderChange {
    return changed(this.become('cancelled', at, reason), { type: 'order-cancelled', reason });
  }

  private become(status: Exclude<OrderStatus, 'placed'>, at: Date, reason?: CancellationReason): Order {
    const { version, history, dueAt } = this.state;
    return new Order({
      ...this.state,
      status,
      dueAt: status === 'awaiting-payment' ? dueAt : undefined,
      reason,
      version: version + 1,
      history: [...history, { status, at }],
    });
  }
}
