import { serviceSettings } from '@atlas/service';
import type { z } from 'zod';

/** It takes no part in the platform's events: to the others it is a company outside, which has an API. */
export const paymentProviderSettings = serviceSettings({ port: 4090 }).pick({
  HOST: true,
  PORT: true,
  DATABASE_URL: true,
  DRAIN_MS: true,
  LOG_LEVEL: true,
});

export type PaymentProviderSettings = z.infer<typeof paymentProviderSettings>;
