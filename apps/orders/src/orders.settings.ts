import { serviceSettings } from '@atlas/service';
import { z } from 'zod';
import context from '../context.json';

export const ordersSettings = serviceSettings({ port: context.processes.orders.port }).extend({
  ORDER_DEADLINE_MINUTES: z.coerce
    .number()
    .positive()
    .max(30 * 24 * 60)
    .default(15)
    .describe('a number of minutes, at most 30 days: after them an order that is not settled is cancelled'),
});

export type OrdersSettings = z.infer<typeof ordersSettings>;
