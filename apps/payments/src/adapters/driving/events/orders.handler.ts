import { Controller } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import { OrderCancelled, OrderPaymentDue } from '@atlas/contracts';
import type { EventOf } from '@atlas/events';
import { Money } from '@atlas/kernel';
import { CancelPayment } from '../../../application/commands/cancel-payment';
import { RequestPayment } from '../../../application/commands/request-payment';

/** Orders' events, in our words. */
@Controller()
export class OrdersHandler {
  constructor(
    private readonly requestPayment: RequestPayment,
    private readonly cancelPayment: CancelPayment,
  ) {}

  @EventPattern<string>(OrderPaymentDue.type)
  orderPaymentDue(@Payload() { data }: EventOf<typeof OrderPaymentDue>): Promise<void> {
    const { orderId, amount, paymentToken } = data;
    return this.requestPayment.execute({
      orderId,
      amount: Money.of(amount.minorUnits, amount.currency),
      paymentToken,
    });
  }

  @EventPattern<string>(OrderCancelled.type)
  orderCancelled(@Payload() { data }: EventOf<typeof OrderCancelled>): Promise<void> {
    return this.cancelPayment.execute(data.orderId);
  }
}
