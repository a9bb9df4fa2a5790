import { z } from 'zod';
import { defineEvent } from './event-contract';
import { aggregateId, lines, quantity, sku } from './fields';

const RESERVATION = { version: 1, owner: 'inventory', aggregate: 'reservation' } as const;

/** Every line is held for the order; it stays held until the order is confirmed or cancelled. */
export const StockReserved = defineEvent({
  ...RESERVATION,
  type: 'inventory.stock-reserved',
  data: z.object({ orderId: aggregateId, lines }),
});

/** Nothing is held: `shortages` tells which lines could not be. */
export const StockRejected = defineEvent({
  ...RESERVATION,
  type: 'inventory.stock-rejected',
  data: z.object({
    orderId: aggregateId,
    shortages: z.array(z.object({ sku, requested: quantity, available: z.int().min(0) })).min(1),
  }),
});

/** The held units are sold. */
export const StockCommitted = defineEvent({
  ...RESERVATION,
  type: 'inventory.stock-committed',
  data: z.object({ orderId: aggregateId, lines }),
});

/** The units, held or sold before, are on hand again. */
export const StockReleased = defineEvent({
  ...RESERVATION,
  type: 'inventory.stock-released',
  data: z.object({ orderId: aggregateId, lines }),
});
