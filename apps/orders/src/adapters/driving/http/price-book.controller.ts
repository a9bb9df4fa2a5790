import { Body, Controller, Get, Put, Query } from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { Money } from '@atlas/kernel';
import { Audience } from '@atlas/service';
import { SetPrices } from '../../../application/commands/set-prices';
import { ListPrices } from '../../../application/queries/list-prices';
import {
  listPricesQuery,
  type ListPricesQuery,
  priceBookBody,
  type PriceBookBody,
  pricesResponse,
  type PricesResponse,
  toPriceResponse,
} from './orders.schemas';

@ApiTags('price book')
@Audience('staff')
@Controller('price-book')
export class PriceBookController {
  constructor(
    private readonly setPrices: SetPrices,
    private readonly listPrices: ListPrices,
  ) {}

  @Put()
  @ApiOperation({ summary: 'Add or replace prices' })
  async set(@Body({ schema: priceBookBody }) { entries }: PriceBookBody): Promise<{ set: number }> {
    await this.setPrices.execute(
      entries.map(({ sku, unitPrice }) => ({
        sku,
        unitPrice: Money.of(unitPrice.minorUnits, unitPrice.currency),
      })),
    );
    return { set: entries.length };
  }

  @Get()
  @Audience('user', 'staff')
  @ApiOperation({ summary: 'List prices by SKU' })
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
