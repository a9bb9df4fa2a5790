import { Controller } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import { StockRejected, StockReleased, StockReserved } from '@atlas/contracts';
import type { EventOf } from '@atlas/events';
import { RecordStockRejected } from '../../../application/commands/record-stock-rejected';
import { RecordStockReleased } from '../../../application/commands/record-stock-released';
import { RecordStockReserved } from '../../../application/commands/record-stock-reserved';

/** Translates events of inventory to commands. */
@Controller()
export class InventoryHandler {
  constructor(
    private readonly recordReserved: RecordStockReserved,
    private readonly recordRejected: RecordStockRejected,
    private readonly recordReleased: RecordStockReleased,
  ) {}

  @EventPattern<string>(StockReserved.type)
  stockReserved(@Payload() { data }: EventOf<typeof StockReserved>): Promise<void> {
    return this.recordReserved.execute(data.orderId);
  }

  @EventPattern<string>(StockRejected.type)
  stockRejected(@Payload() { data }: EventOf<typeof StockRejected>): Promise<void> {
    return this.recordRejected.execute(data.orderId);
  }

  @EventPattern<string>(StockReleased.type)
  stockReleased(@Payload() { data }: EventOf<typeof StockReleased>): Promise<void> {
    return this.recordReleased.execute(data.orderId);
  }
}
