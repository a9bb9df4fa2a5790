import { OrderCancelled, OrderPaymentDue } from '@atlas/contracts';
import { recordOf } from '@atlas/testing';

/** What every order of these tests costs, minor units. */
export const PRICE = 487;
export const amount = { minorUnits: PRICE, currency: 'EUR' };

export const orderPaymentDue = (orderId: string, paymentToken = 'tok_approve') =>
  recordOf({
    contract: OrderPaymentDue,
    subject: orderId,
    aggregateVersion: 2,
    data: { orderId, amount, paymentToken },
  });

export const orderCancelled = (orderId: string) =>
  recordOf({
    contract: OrderCancelled,
    subject: orderId,
    aggregateVersion: 3,
    data: { orderId, reason: 'customer-request' },
  });
