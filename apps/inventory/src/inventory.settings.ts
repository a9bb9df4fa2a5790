import { serviceSettings } from '@atlas/service';
import { z } from 'zod';

export const inventorySettings = serviceSettings({ port: 4002 }).extend({
  // Well beyond what an order may take: it is for orders that are never heard of again.
  RESERVATION_HOLD_MINUTES: z.coerce
    .number()
    .positive()
    .max(365 * 24 * 60)
    .default(60)
    .describe('a number of minutes, at most a year: after them stock that is held is given back'),
});

export type InventorySettings = z.infer<typeof inventorySettings>;
