import { MAX_LINES, MAX_QUANTITY } from '@atlas/kernel';
import { z } from 'zod';

export const sku = z.string().min(1).max(64);
export const quantity = z.int().min(1).max(MAX_QUANTITY);
export const aggregateId = z.uuid();
/** Whole minor units of `currency` (cents for EUR). */
export const money = z.object({ minorUnits: z.int(), currency: z.string().regex(/^[A-Z]{3}$/) });
export const lines = z.array(z.object({ sku, quantity })).min(1).max(MAX_LINES);
