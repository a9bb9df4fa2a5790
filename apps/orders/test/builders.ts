import {
  PaymentCaptured,
  PaymentDeclined,
  PriceChanged,
  ProductListed,
  ProductRetired,
  StockRejected,
  StockReserved,
} from '@atlas/contracts';
import { recordOf } from '@atlas/testing';
import type { Context } from '@atlas/testing/context';

export const money = (minorUnits: number) => ({ minorUnits, currency: 'EUR' });

/** The products of the test shop. */
const prices = [
  { sku: 'whole-milk', unitPrice: money(119) },
  { sku: 'brown-bread', unitPrice: money(249) },
];

/** The request body of an order of 4.87 EUR, with a card that the sandbox accepts. */
export const basket = {
  customerId: 'ada',
  lines: [
    { sku: 'whole-milk', quantity: 2 },
    { sku: 'brown-bread', quantity: 1 },
  ],
  paymentToken: 'tok_approve',
};

export interface OrderAnswer {
  readonly id: string;
  readonly status: string;
  readonly reason?: string;
  readonly dueAt: string;
  readonly settledAt?: string;
  readonly history: readonly { readonly status: string; readonly at: string }[];
  readonly lines: readonly { readonly sku: string }[];
}

/** Tells orders the prices of the test shop, as the catalog does. */
export async function setPrices(orders: Context): Promise<void> {
  const listed = prices.map(({ sku, unitPrice }) => productListed(sku, unitPrice.minorUnits));
  await orders.publish(...listed);
  await orders.handled(...listed);
}

export async function placeOrder(orders: Context): Promise<OrderAnswer> {
  const answer = await orders.send('POST', '/orders', basket);
  if (answer.statusCode !== 201) throw new Error(answer.body);
  return answer.json<OrderAnswer>();
}

export const productListed = (sku: string, minorUnits: number, aggregateVersion = 1) =>
  recordOf({
    contract: ProductListed,
    subject: sku,
    aggregateVersion,
    data: { sku, category: 'food', name: `Best ${sku}`, price: money(minorUnits) },
  });

export const priceChanged = (sku: string, minorUnits: number, aggregateVersion = 2) =>
  recordOf({
    contract: PriceChanged,
    subject: sku,
    aggregateVersion,
    data: { sku, price: money(minorUnits), was: money(1) },
  });

export const productRetired = (sku: string, aggregateVersion = 3) =>
  recordOf({ contract: ProductRetired, subject: sku, aggregateVersion, data: { sku } });

export const stockReserved = (orderId: string, aggregateVersion = 1) =>
  recordOf({
    contract: StockReserved,
    subject: orderId,
    aggregateVersion,
    data: { orderId, lines: basket.lines },
  });

export const stockRejected = (orderId: string) =>
  recordOf({
    contract: StockRejected,
    subject: orderId,
    aggregateVersion: 1,
    data: { orderId, shortages: [{ sku: 'whole-milk', requested: 2, available: 1 }] },
  });

export const paymentCaptured = (orderId: string) =>
  recordOf({
    contract: PaymentCaptured,
    subject: orderId,
    aggregateVersion: 1,
    data: { orderId, amount: money(487), chargeId: 'ch_1' },
  });

export const paymentDeclined = (orderId: string) =>
  recordOf({
    contract: PaymentDeclined,
    subject: orderId,
    aggregateVersion: 1,
    data: { orderId, reason: 'insufficient funds' },
  });
