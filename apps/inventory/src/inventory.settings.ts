import { serviceSettings } from '@atlas/service';
import { z } from 'zod';
import context from '../context.json';

export const inventorySettings = serviceSettings({ port: context.processes.inventory.port }).extend({
  // why: well beyond an order's deadline, so it affects only orders that are never settled (ADR 17).
  RESERVATION_MINUTES: z.coerce
    .number()
    .positive()
    .max(365 * 24 * 60)
    .default(60)
    .describe('a number of minutes, at most a year: how long stock stays reserved'),
});

export type InventorySettings = z.infer<typeof inventorySettings>;
