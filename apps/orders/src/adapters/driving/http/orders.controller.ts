import { Body, Controller, Get, HttpCode, Param, Post, Query, Res } from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { orderId } from '@atlas/contracts';
import { Audience, Idempotent, notFound, Problem } from '@atlas/service';
import type { FastifyReply } from 'fastify';
import { CancelOrder } from '../../../application/commands/cancel-order';
import { PlaceOrder } from '../../../application/commands/place-order';
import { GetOrder } from '../../../application/queries/get-order';
import { ListOrders } from '../../../application/queries/list-orders';
import {
  listOrdersQuery,
  type ListOrdersQuery,
  orderResponse,
  type OrderResponse,
  ordersResponse,
  type OrdersResponse,
  placeOrderBody,
  type PlaceOrderBody,
  toOrderResponse,
} from './orders.schemas';

@ApiTags('orders')
@Audience('user', 'staff')
@Controller('orders')
export class OrdersController {
  constructor(
    private readonly placeOrder: PlaceOrder,
    private readonly cancelOrder: CancelOrder,
    private readonly getOrder: GetOrder,
    private readonly listOrders: ListOrders,
  ) {}

  /** why: a repeated POST would place a second order; its key and its answer are stored with the order (ADR 7). */
  @Post()
  @Idempotent()
  @ApiOperation({ summary: 'Place an order at current prices' })
  @ApiResponse({ status: 201, standardSchema: orderResponse })
  async place(
    @Body({ schema: placeOrderBody }) body: PlaceOrderBody,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<OrderResponse> {
    const placed = await this.placeOrder.execute(body);
    if (!placed.ok) {
      throw new Problem({
        status: 422,
        title: 'Unknown SKU',
        detail: 'Some lines are of nothing that is for sale; list it in the catalog or correct the SKU.',
        errors: placed.error.indexes.map((index) => ({
          pointer: `/lines/${index}/sku`,
          detail: `"${body.lines[index]?.sku}" has no price`,
        })),
      });
    }
    void reply.header('Location', `/orders/${placed.value.id}`);
    return toOrderResponse(placed.value);
  }

  @Get(':id')
  @ApiOperation({ summary: 'Read an order' })
  @ApiResponse({ status: 200, standardSchema: orderResponse })
  async read(@Param('id', { schema: orderId }) id: string): Promise<OrderResponse> {
    return toOrderResponse((await this.getOrder.execute(id)) ?? notFound('order', id));
  }

  @Get()
  @Audience('staff')
  @ApiOperation({ summary: 'List orders, newest first' })
  @ApiResponse({ status: 200, standardSchema: ordersResponse })
  async list(@Query({ schema: listOrdersQuery }) query: ListOrdersQuery): Promise<OrdersResponse> {
    const { status, customerId, limit, cursor } = query;
    const orders = await this.listOrders.execute({ status, customerId, limit, after: cursor });
    return {
      orders: orders.map(toOrderResponse),
      nextCursor: orders.length === limit ? orders.at(-1)?.id : undefined,
    };
  }

  @Post(':id/cancel')
  @HttpCode(200)
  @Idempotent()
  @ApiOperation({ summary: 'Cancel an order and return stock and money' })
  @ApiResponse({ status: 200, standardSchema: orderResponse })
  async cancel(@Param('id', { schema: orderId }) id: string): Promise<OrderResponse> {
    return toOrderResponse((await this.cancelOrder.execute(id)) ?? notFound('order', id));
  }
}
