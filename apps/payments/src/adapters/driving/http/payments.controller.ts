import { Controller, Get, HttpCode, Param, Post } from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { Idempotent, Problem } from '@atlas/service';
import { FindPayment } from '../../../application/queries/find-payment';
import { RefundPayment } from '../../../application/commands/refund-payment';
import {
  balancesResponse,
  type BalancesResponse,
  orderId,
  paymentResponse,
  type PaymentResponse,
  toBalanceResponse,
  toPaymentResponse,
} from './payments.schemas';

@ApiTags('payments')
@Controller()
export class PaymentsController {
  constructor(
    private readonly findPayment: FindPayment,
    private readonly refundPayment: RefundPayment,
  ) {}

  @Get('payments/:orderId')
  @ApiOperation({ summary: "Read an order's payment" })
  @ApiResponse({ status: 200, standardSchema: paymentResponse })
  async read(@Param('orderId', { schema: orderId }) id: string): Promise<PaymentResponse> {
    return toPaymentResponse((await this.findPayment.byOrder(id)) ?? notFound(id));
  }

  @Post('payments/:orderId/refund')
  @HttpCode(202)
  @Idempotent()
  @ApiOperation({
    summary: 'Give a captured payment back; the order stays confirmed',
    description:
      'The money goes back in the background: read the payment until it is refunded. To undo an order as a whole, cancel it with orders; that gives the money back, too.',
  })
  @ApiResponse({ status: 202, standardSchema: paymentResponse })
  async refund(@Param('orderId', { schema: orderId }) id: string): Promise<PaymentResponse> {
    const refund = (await this.refundPayment.execute(id)) ?? notFound(id);
    if (!refund.ok) {
      const { status } = refund.error.payment.snapshot();
      throw new Problem({
        status: 409,
        title: 'Nothing to refund',
        detail: `The payment of order ${id} is ${status}; only a captured payment can be refunded.`,
      });
    }
    return toPaymentResponse(refund.value);
  }

  @Get('ledger/balances')
  @ApiOperation({ summary: "Read the accounts' balances" })
  @ApiResponse({ status: 200, standardSchema: balancesResponse })
  async balances(): Promise<BalancesResponse> {
    return { balances: (await this.findPayment.balances()).map(toBalanceResponse) };
  }
}

function notFound(id: string): never {
  throw new Problem({
    status: 404,
    title: 'No such payment',
    detail: `There is no payment for order ${id}.`,
  });
}
