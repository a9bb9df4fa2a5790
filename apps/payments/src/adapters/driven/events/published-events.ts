import { PaymentCaptured, PaymentDeclined, PaymentFailed, PaymentRefunded } from '@atlas/contracts';
import type { NewEvent } from '@atlas/events';
import { publishedAs } from '@atlas/ports/adapters';
import type { Payment } from '../../../domain/payment';
import type { PaymentEvent } from '../../../domain/payment-events';

function translate(event: PaymentEvent, { id: orderId }: Payment): Pick<NewEvent, 'contract' | 'data'> {
  switch (event.type) {
    case 'payment-captured': {
      const { amount, chargeId } = event;
      return { contract: PaymentCaptured, data: { orderId, amount: amount.toJSON(), chargeId } };
    }
    case 'payment-declined':
      return { contract: PaymentDeclined, data: { orderId, reason: event.reason } };
    case 'payment-failed':
      return { contract: PaymentFailed, data: { orderId, reason: event.reason } };
    case 'payment-refunded': {
      const { amount, refundId } = event;
      return { contract: PaymentRefunded, data: { orderId, amount: amount.toJSON(), refundId } };
    }
  }
}

/** Translates the events of a change to the published language. */
export const published = publishedAs(translate);
