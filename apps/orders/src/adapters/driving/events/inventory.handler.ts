import { Controller } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import { type EventOf, StockRejected, StockReleased, StockReserved } from '@atlas/contracts';
import { AdvanceOrder } from '../../../application/commands/advance-order';

/** What inventory tells, in our words. */
@Controller()
export class InventoryHandler {
  constructor(private readonly advanceOrder: AdvanceOrder) {}

  @EventPattern<string>(StockReserved.type)
  stockReserved(@Payload() { data }: EventOf<typeof StockReserved>): Promise<void> {
    return this.advanceOrder.stockReserved(data.orderId);
  }

  @EventPattern<string>(StockRejected.type)
  stockRejected(@Payload() { data }: EventOf<typeof StockRejected>): Promise<void> {
    return this.advanceOrder.stockRejected(data.orderId);
  }

  @EventPattern<string>(StockReleased.type)
  stockReleased(@Payload() { data }: EventOf<typeof StockReleased>): Promise<void> {
    return this.advanceOrder.stockReleased(data.orderId);
  }
}
