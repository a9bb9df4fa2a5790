import type { Clock } from '@atlas/ports/application';
import type { OrderRepository } from '../ports';

/** Few enough that nobody waits long for the rows that are locked together. */
const PAGE = 100;

/** Gives up the orders that are not settled in their time. Safe to run in several replicas at a time, and again. */
export class ExpireOrders {
  constructor(
    private readonly orders: OrderRepository,
    private readonly clock: Clock,
  ) {}

  async execute(): Promise<void> {
    const now = this.clock.now();
    let updated: number;
    do {
      updated = await this.orders.updateDue(now, PAGE, (order) => order.expire(now));
    } while (updated === PAGE);
  }
}
