import type { Clock } from '@atlas/ports/application';
import type { OrderRepository } from '../ports';

/** Small, because all rows of a run are locked together. */
const PAGE = 100;

/** Cancels orders that were not settled in time. Safe to repeat and to run in several replicas concurrently. */
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
