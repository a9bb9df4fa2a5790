import { Controller } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import { ProductListed } from '@atlas/contracts';
import type { EventOf } from '@atlas/events';
import { RecordProductListed } from '../../../application/commands/record-product-listed';

/** Translates events of the catalog to commands. */
@Controller()
export class CatalogHandler {
  constructor(private readonly recordListed: RecordProductListed) {}

  @EventPattern<string>(ProductListed.type)
  productListed(@Payload() { data }: EventOf<typeof ProductListed>): Promise<void> {
    return this.recordListed.execute(data.sku);
  }
}
