import { Controller, Get, Query } from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { Audience } from '@atlas/service';
import { ListPrices } from '../../../application/queries/list-prices';
import {
  listPricesQuery,
  type ListPricesQuery,
  pricesResponse,
  type PricesResponse,
  toPriceResponse,
} from './orders.schemas';

@ApiTags('price book')
@Audience('user', 'staff')
@Controller('price-book')
export class PriceBookController {
  constructor(private readonly listPrices: ListPrices) {}

  @Get()
  @ApiOperation({ summary: 'List prices by SKU, as far as the catalog has told them' })
  @ApiResponse({ status: 200, standardSchema: pricesResponse })
  async list(
    @Query({ schema: listPricesQuery }) { limit, cursor }: ListPricesQuery,
  ): Promise<PricesResponse> {
    const prices = await this.listPrices.execute({ limit, after: cursor });
    return {
      entries: prices.map(toPriceResponse),
      nextCursor: prices.length === limit ? prices.at(-1)?.sku : undefined,
    };
  }
}
