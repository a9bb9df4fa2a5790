import type { Clock } from '@atlas/ports/application';
import type { OrderRepository } from '../ports';

/** Few enough that nobody waits long for the rows that are locked together. */
const PAGE = 100;

/** Cancels the orders that were not settled in time. Safe to run in several replicas at once, and to repeat. */
export class ExpireOrders {
  constructor(
    private readonly orders: OrderRepository,
    private readonly clock: Clock,
  ) {}

  async execute(): Promise<void> {
    const now = this.clock.now();
    let expired: number;
    do {
      expired = (await this.orders.updateDue(now, PAGE, (order) => order.expire(now))).length;
    } while (expired === PAGE);
  }
}
