import { Body, Controller, Get, Param, Put, Query } from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { skuCode } from '@atlas/contracts';
import { Problem } from '@atlas/service';
import { KeepStock } from '../../../application/commands/keep-stock';
import {
  listStockQuery,
  type ListStockQuery,
  stockBody,
  type StockBody,
  stockItemBody,
  type StockItemBody,
  stockItemResponse,
  type StockItemResponse,
  stockResponse,
  type StockResponse,
  toStockItemResponse,
} from './inventory.schemas';

@ApiTags('stock')
@Controller('stock')
export class StockController {
  constructor(private readonly keepStock: KeepStock) {}

  @Put()
  @ApiOperation({ summary: 'Set how many units of some SKUs are on hand' })
  async setAll(@Body({ schema: stockBody }) { items }: StockBody): Promise<{ set: number }> {
    await this.keepStock.set(items);
    return { set: items.length };
  }

  @Put(':sku')
  @ApiOperation({ summary: 'Set how many units of a SKU are on hand' })
  @ApiResponse({ status: 200, standardSchema: stockItemResponse })
  async set(
    @Param('sku', { schema: skuCode }) code: string,
    @Body({ schema: stockItemBody }) { onHand }: StockItemBody,
  ): Promise<StockItemResponse> {
    return toStockItemResponse(await this.keepStock.setOne({ sku: code, onHand }));
  }

  @Get(':sku')
  @ApiOperation({ summary: 'Read the stock of a SKU' })
  @ApiResponse({ status: 200, standardSchema: stockItemResponse })
  async read(@Param('sku', { schema: skuCode }) code: string): Promise<StockItemResponse> {
    return toStockItemResponse((await this.keepStock.find(code)) ?? notFound(code));
  }

  @Get()
  @ApiOperation({ summary: 'List stock by SKU' })
  @ApiResponse({ status: 200, standardSchema: stockResponse })
  async list(@Query({ schema: listStockQuery }) { limit, cursor }: ListStockQuery): Promise<StockResponse> {
    const items = await this.keepStock.list(limit, cursor);
    return {
      items: items.map(toStockItemResponse),
      nextCursor: items.length === limit ? items.at(-1)?.sku : undefined,
    };
  }
}

function notFound(code: string): never {
  throw new Problem({
    status: 404,
    title: 'No such SKU',
    detail: `"${code}" was never stocked; set how many are on hand with PUT /stock/${code}.`,
  });
}
