import { Injectable, Logger } from '@nestjs/common';
import { SettlePayment } from '../../../application/commands/settle-payment';
import type { Payment } from '../../../domain/payment';
import type { Settlement } from '../../../domain/settlement';

@Injectable()
export class SettlePaymentJob {
  private readonly logger = new Logger(SettlePaymentJob.name);

  constructor(private readonly settlePayment: SettlePayment) {}

  async execute(payment: Payment): Promise<Settlement> {
    const settlement = await this.settlePayment.execute(payment);
    if (settlement.error) {
      this.logger.warn(`Payment ${payment.id} will be tried again: ${settlement.error.message}`);
    }
    return settlement;
  }
}
