import { Controller, Get, HttpCode, Param, Post } from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { orderId } from '@atlas/contracts';
import { Audience, Idempotent, notFound, Problem } from '@atlas/service';
import { RefundPayment } from '../../../application/commands/refund-payment';
import { GetPayment } from '../../../application/queries/get-payment';
import { paymentResponse, type PaymentResponse, toPaymentResponse } from './payments.schemas';

@ApiTags('payments')
@Audience('staff')
@Controller('payments')
export class PaymentsController {
  constructor(
    private readonly getPayment: GetPayment,
    private readonly refundPayment: RefundPayment,
  ) {}

  @Get(':orderId')
  @ApiOperation({ summary: "Read an order's payment" })
  @ApiResponse({ status: 200, standardSchema: paymentResponse })
  async read(@Param('orderId', { schema: orderId }) id: string): Promise<PaymentResponse> {
    return toPaymentResponse((await this.getPayment.execute(id)) ?? noPayment(id));
  }

  @Post(':orderId/refund')
  @HttpCode(202)
  @Idempotent()
  @ApiOperation({
    summary: 'Refund a captured payment; the order stays confirmed',
    description:
      'The refund runs in the background: read the payment until its status is "refunded". To undo the whole order, ' +
      'cancel it in orders; that refunds the payment as well.',
  })
  @ApiResponse({ status: 202, standardSchema: paymentResponse })
  async refund(@Param('orderId', { schema: orderId }) id: string): Promise<PaymentResponse> {
    const refund = (await this.refundPayment.execute(id)) ?? noPayment(id);
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
}

const noPayment = (id: string) => notFound('payment', id, `There is no payment for order ${id}.`);
