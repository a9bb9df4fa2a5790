import { Controller } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import { type EventOf, PaymentCaptured, PaymentDeclined, PaymentFailed } from '@atlas/contracts';
import { AdvanceOrder } from '../../../application/commands/advance-order';

/** What payments tells, in our words. */
@Controller()
export class PaymentsHandler {
  constructor(private readonly advanceOrder: AdvanceOrder) {}

  @EventPattern<string>(PaymentCaptured.type)
  paymentCaptured(@Payload() { data }: EventOf<typeof PaymentCaptured>): Promise<void> {
    return this.advanceOrder.paymentCaptured(data.orderId);
  }

  @EventPattern<string>(PaymentDeclined.type)
  paymentDeclined(@Payload() { data }: EventOf<typeof PaymentDeclined>): Promise<void> {
    return this.advanceOrder.paymentRefused(data.orderId, 'payment-declined');
  }

  @EventPattern<string>(PaymentFailed.type)
  paymentFailed(@Payload() { data }: EventOf<typeof PaymentFailed>): Promise<void> {
    return this.advanceOrder.paymentRefused(data.orderId, 'payment-failed');
  }
}
