import { Controller } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import { OrderCancelled, OrderConfirmed, OrderPlaced } from '@atlas/contracts';
import type { EventOf } from '@atlas/events';
import { CommitStock } from '../../../application/commands/commit-stock';
import { ReleaseStock } from '../../../application/commands/release-stock';
import { ReserveStock } from '../../../application/commands/reserve-stock';

/** Translates events of orders to commands. */
@Controller()
export class OrdersHandler {
  constructor(
    private readonly reserveStock: ReserveStock,
    private readonly commitStock: CommitStock,
    private readonly releaseStock: ReleaseStock,
  ) {}

  @EventPattern<string>(OrderPlaced.type)
  orderPlaced(@Payload() { data }: EventOf<typeof OrderPlaced>): Promise<void> {
    return this.reserveStock.execute({ orderId: data.orderId, lines: data.lines });
  }

  @EventPattern<string>(OrderConfirmed.type)
  orderConfirmed(@Payload() { data }: EventOf<typeof OrderConfirmed>): Promise<void> {
    return this.commitStock.execute(data.orderId);
  }

  @EventPattern<string>(OrderCancelled.type)
  orderCancelled(@Payload() { data }: EventOf<typeof OrderCancelled>): Promise<void> {
    return this.releaseStock.execute(data.orderId);
  }
}
