import { Controller } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import { PaymentCaptured, PaymentDeclined, PaymentFailed } from '@atlas/contracts';
import type { EventOf } from '@atlas/events';
import { RecordPaymentCaptured } from '../../../application/commands/record-payment-captured';
import { RecordPaymentRefused } from '../../../application/commands/record-payment-refused';

/** Translates events of payments to commands. */
@Controller()
export class PaymentsHandler {
  constructor(
    private readonly recordCaptured: RecordPaymentCaptured,
    private readonly recordRefused: RecordPaymentRefused,
  ) {}

  @EventPattern<string>(PaymentCaptured.type)
  paymentCaptured(@Payload() { data }: EventOf<typeof PaymentCaptured>): Promise<void> {
    return this.recordCaptured.execute(data.orderId);
  }

  @EventPattern<string>(PaymentDeclined.type)
  paymentDeclined(@Payload() { data }: EventOf<typeof PaymentDeclined>): Promise<void> {
    return this.recordRefused.execute({ orderId: data.orderId, reason: 'payment-declined' });
  }

  @EventPattern<string>(PaymentFailed.type)
  paymentFailed(@Payload() { data }: EventOf<typeof PaymentFailed>): Promise<void> {
    return this.recordRefused.execute({ orderId: data.orderId, reason: 'payment-failed' });
  }
}
