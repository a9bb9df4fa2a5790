import { serviceSettings } from '@atlas/service';
import type { z } from 'zod';
import context from '../context.json';

/** It takes no part in the platform's events: it stands for an outside company, which has an API only. */
export const paymentProviderSettings = serviceSettings({
  port: context.processes['payment-provider'].port,
}).pick({
  HOST: true,
  PORT: true,
  DATABASE_URL: true,
  MIGRATIONS: true,
  DRAIN_MS: true,
  LOG_LEVEL: true,
});

export type PaymentProviderSettings = z.infer<typeof paymentProviderSettings>;
