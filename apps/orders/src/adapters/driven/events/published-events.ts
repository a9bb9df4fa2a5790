import {
  type NewEvent,
  OrderCancelled,
  OrderConfirmed,
  OrderPaymentDue,
  OrderPlaced,
} from '@atlas/contracts';
import type { Money } from '@atlas/kernel';
import type { OrderChange } from '../../../domain/order';
import type { OrderEvent } from '../../../domain/order-events';

/** Our events in the published language. */
export function publishedEvents({ next, events }: OrderChange): NewEvent[] {
  const first = next.version - events.length + 1;
  return events.map((event, index) => ({
    ...published(next.id, event),
    subject: next.id,
    aggregateVersion: first + index,
  }));
}

function published(orderId: string, event: OrderEvent): Pick<NewEvent, 'contract' | 'data'> {
  switch (event.type) {
    case 'order-placed':
      return {
        contract: OrderPlaced,
        data: {
          orderId,
          customerId: event.customerId,
          lines: event.lines.map(({ sku, quantity, unitPrice }) => ({
            sku,
            quantity,
            unitPrice: money(unitPrice),
          })),
          total: money(event.total),
        },
      };
    case 'payment-due':
      return {
        contract: OrderPaymentDue,
        data: { orderId, amount: money(event.amount), paymentToken: event.paymentToken },
      };
    case 'order-confirmed':
      return {
        contract: OrderConfirmed,
        data: {
          orderId,
          lines: event.lines.map(({ sku, quantity }) => ({ sku, quantity })),
          total: money(event.total),
        },
      };
    case 'order-cancelled':
      return { contract: OrderCancelled, data: { orderId, reason: event.reason } };
  }
}

const money = ({ minorUnits, currency }: Money) => ({ minorUnits, currency });
