import { Controller, Get, HttpCode, Param, Post } from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { Idempotent } from '@atlas/resilience';
import { Problem } from '@atlas/service';
import { CancelPayment } from '../../../application/cancel-payment';
import { FindPayment } from '../../../application/find-payment';
import {
  balancesResponse,
  type BalancesResponse,
  orderId,
  paymentResponse,
  type PaymentResponse,
  toPaymentResponse,
} from './payments.schemas';

@ApiTags('payments')
@Controller()
export class PaymentsController {
  constructor(
    private readonly findPayment: FindPayment,
    private readonly cancelPayment: CancelPayment,
  ) {}

  @Get('payments/:orderId')
  @ApiOperation({ summary: "Read an order's payment" })
  @ApiResponse({ status: 200, standardSchema: paymentResponse })
  async read(@Param('orderId', { schema: orderId }) id: string): Promise<PaymentResponse> {
    return toPaymentResponse((await this.findPayment.byOrder(id)) ?? notFound(id));
  }

  /** A goodwill refund: the money goes back, and the order stays what it is. */
  @Post('payments/:orderId/refund')
  @HttpCode(202)
  @Idempotent()
  @ApiOperation({ summary: 'Give a captured payment back; the order stays confirmed' })
  @ApiResponse({ status: 202, standardSchema: paymentResponse })
  async refund(@Param('orderId', { schema: orderId }) id: string): Promise<PaymentResponse> {
    const { status } = ((await this.findPayment.byOrder(id)) ?? notFound(id)).snapshot();
    if (!['captured', 'refunding', 'refunded'].includes(status)) {
      throw new Problem({
        status: 409,
        title: 'Nothing to refund',
        detail: `The payment of order ${id} is ${status}; only a captured payment can be refunded.`,
      });
    }
    return toPaymentResponse((await this.cancelPayment.execute(id)) ?? notFound(id));
  }

  @Get('ledger/balances')
  @ApiOperation({ summary: "Read the accounts' balances" })
  @ApiResponse({ status: 200, standardSchema: balancesResponse })
  async balances(): Promise<BalancesResponse> {
    return { balances: [...(await this.findPayment.balances())] };
  }
}

function notFound(id: string): never {
  throw new Problem({
    status: 404,
    title: 'No such payment',
    detail: `There is no payment for order ${id}.`,
  });
}
