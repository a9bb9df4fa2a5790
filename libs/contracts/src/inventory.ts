import { defineEvent } from '@atlas/events';
import { z } from 'zod';
import { aggregateId, lines, quantity, sku } from './fields';

const orderId = '01890f3e-7b0a-7cc0-98c5-dbe7c54f2a10';

const oneLine = { orderId, lines: [{ sku: 'coffee', quantity: 2 }] };
const twoLines = {
  orderId,
  lines: [
    { sku: 'mug', quantity: 1 },
    { sku: 'gift-card', quantity: 10_000 },
  ],
};

const RESERVATION = { version: 1, owner: 'inventory', aggregate: 'reservation' } as const;

/** Every line is held for the order; it stays held until the order is confirmed or cancelled. */
export const StockReserved = defineEvent({
  ...RESERVATION,
  type: 'inventory.stock-reserved',
  data: z.object({ orderId: aggregateId, lines }),
  examples: [oneLine, twoLines],
});

/** Nothing is held: `shortages` tells which lines could not be. */
export const StockRejected = defineEvent({
  ...RESERVATION,
  type: 'inventory.stock-rejected',
  data: z.object({
    orderId: aggregateId,
    shortages: z.array(z.object({ sku, requested: quantity, available: z.int().min(0) })).min(1),
  }),
  examples: [
    { orderId, shortages: [{ sku: 'last-mug', requested: 1, available: 0 }] },
    {
      orderId,
      shortages: [
        { sku: 'coffee', requested: 10_000, available: 9_999 },
        { sku: 'mug', requested: 2, available: 1 },
      ],
    },
  ],
});

/** The held units are sold. */
export const StockCommitted = defineEvent({
  ...RESERVATION,
  unconsumed: 'The order was confirmed before; it only tells that inventory has followed.',
  type: 'inventory.stock-committed',
  data: z.object({ orderId: aggregateId, lines }),
  examples: [oneLine, twoLines],
});

/** The units, held or sold before, are on hand again. */
export const StockReleased = defineEvent({
  ...RESERVATION,
  type: 'inventory.stock-released',
  data: z.object({ orderId: aggregateId, lines }),
  examples: [oneLine, twoLines],
});
