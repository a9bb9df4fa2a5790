import { PaymentCaptured, PaymentDeclined, PaymentFailed, PaymentRefunded } from '@atlas/contracts';
import type { NewEvent } from '@atlas/events';
import type { Money } from '@atlas/kernel';
import type { PaymentChange } from '../../../domain/payment';
import type { PaymentEvent } from '../../../domain/payment-events';

/** Our events in the published language. */
export function publishedEvents({ next, events }: PaymentChange): NewEvent[] {
  const first = next.version - events.length + 1;
  return events.map((event, index) => ({
    ...published(next.id, event),
    subject: next.id,
    aggregateVersion: first + index,
  }));
}

function published(orderId: string, event: PaymentEvent): Pick<NewEvent, 'contract' | 'data'> {
  switch (event.type) {
    case 'payment-captured':
      return {
        contract: PaymentCaptured,
        data: { orderId, amount: money(event.amount), chargeId: event.chargeId },
      };
    case 'payment-declined':
      return { contract: PaymentDeclined, data: { orderId, reason: event.reason } };
    case 'payment-failed':
      return { contract: PaymentFailed, data: { orderId, reason: event.reason } };
    case 'payment-refunded':
      return {
        contract: PaymentRefunded,
        data: { orderId, amount: money(event.amount), refundId: event.refundId },
      };
  }
}

const money = ({ minorUnits, currency }: Money) => ({ minorUnits, currency });
