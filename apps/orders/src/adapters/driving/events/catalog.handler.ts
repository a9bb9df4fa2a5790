import { Controller } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import { PriceChanged, ProductListed, ProductRetired } from '@atlas/contracts';
import type { EventOf } from '@atlas/events';
import { Money } from '@atlas/kernel';
import { RecordPrice } from '../../../application/commands/record-price';
import { RecordProductRetired } from '../../../application/commands/record-product-retired';

/** Translates events of the catalog to commands. */
@Controller()
export class CatalogHandler {
  constructor(
    private readonly recordPrice: RecordPrice,
    private readonly recordRetired: RecordProductRetired,
  ) {}

  @EventPattern<string>(ProductListed.type)
  productListed(@Payload() { data: { sku, price } }: EventOf<typeof ProductListed>): Promise<void> {
    return this.recordPrice.execute({ sku, unitPrice: Money.of(price.minorUnits, price.currency) });
  }

  @EventPattern<string>(PriceChanged.type)
  priceChanged(@Payload() { data: { sku, price } }: EventOf<typeof PriceChanged>): Promise<void> {
    return this.recordPrice.execute({ sku, unitPrice: Money.of(price.minorUnits, price.currency) });
  }

  @EventPattern<string>(ProductRetired.type)
  productRetired(@Payload() { data }: EventOf<typeof ProductRetired>): Promise<void> {
    return this.recordRetired.execute(data.sku);
  }
}
