import { OrderCancelled, OrderConfirmed, OrderPaymentDue, OrderPlaced } from '@atlas/contracts';
import type { NewEvent } from '@atlas/events';
import { publishedAs } from '@atlas/ports/adapters';
import type { Order } from '../../../domain/order';
import type { OrderEvent } from '../../../domain/order-events';

function translate(event: OrderEvent, { id: orderId }: Order): Pick<NewEvent, 'contract' | 'data'> {
  switch (event.type) {
    case 'order-placed': {
      const { customerId, total } = event;
      const lines = event.lines.map(({ sku, quantity, unitPrice }) => ({
        sku,
        quantity,
        unitPrice: unitPrice.toJSON(),
      }));
      return { contract: OrderPlaced, data: { orderId, customerId, lines, total: total.toJSON() } };
    }
    case 'payment-due': {
      const { amount, paymentToken } = event;
      return { contract: OrderPaymentDue, data: { orderId, amount: amount.toJSON(), paymentToken } };
    }
    case 'order-confirmed': {
      const lines = event.lines.map(({ sku, quantity }) => ({ sku, quantity }));
      return { contract: OrderConfirmed, data: { orderId, lines, total: event.total.toJSON() } };
    }
    case 'order-cancelled':
      return { contract: OrderCancelled, data: { orderId, reason: event.reason } };
  }
}

/** Translates the events of a change to the published language. */
export const published = publishedAs(translate);
