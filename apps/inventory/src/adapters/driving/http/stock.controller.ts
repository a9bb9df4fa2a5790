import { Body, Controller, Get, Param, Put, Query } from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { skuCode } from '@atlas/contracts';
import { Audience, notFound } from '@atlas/service';
import { SetStock } from '../../../application/commands/set-stock';
import { GetStockItem } from '../../../application/queries/get-stock-item';
import { ListStock } from '../../../application/queries/list-stock';
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
@Audience('staff')
@Controller('stock')
export class StockController {
  constructor(
    private readonly setStock: SetStock,
    private readonly getStockItem: GetStockItem,
    private readonly listStock: ListStock,
  ) {}

  @Put()
  @ApiOperation({ summary: 'Set how many units of several SKUs are available' })
  async setAll(@Body({ schema: stockBody }) { items }: StockBody): Promise<{ set: number }> {
    await this.setStock.execute(items);
    return { set: items.length };
  }

  @Put(':sku')
  @ApiOperation({ summary: 'Set how many units of a SKU are available' })
  @ApiResponse({ status: 200, standardSchema: stockItemResponse })
  async set(
    @Param('sku', { schema: skuCode }) code: string,
    @Body({ schema: stockItemBody }) { available }: StockItemBody,
  ): Promise<StockItemResponse> {
    const stock = await this.setStock.execute([{ sku: code, available }]);
    return toStockItemResponse(stock.item(code));
  }

  @Get(':sku')
  @ApiOperation({ summary: 'Read the stock of a SKU' })
  @ApiResponse({ status: 200, standardSchema: stockItemResponse })
  async read(@Param('sku', { schema: skuCode }) code: string): Promise<StockItemResponse> {
    return toStockItemResponse(
      (await this.getStockItem.execute(code)) ??
        notFound(
          'SKU',
          code,
          `"${code}" was never stocked; set how many units are available with PUT /stock/${code}.`,
        ),
    );
  }

  @Get()
  @ApiOperation({ summary: 'List stock by SKU' })
  @ApiResponse({ status: 200, standardSchema: stockResponse })
  async list(@Query({ schema: listStockQuery }) { limit, cursor }: ListStockQuery): Promise<StockResponse> {
    const items = await this.listStock.execute({ limit, after: cursor });
    return {
      items: items.map(toStockItemResponse),
      nextCursor: items.length === limit ? items.at(-1)?.sku : undefined,
    };
  }
}
