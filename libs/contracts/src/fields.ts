import { z } from 'zod';
import { MAX_LINES, MAX_QUANTITY, SKU_PATTERN } from './limits';

/** A SKU as contexts accept it from outside. */
export const skuCode = z
  .string()
  .regex(SKU_PATTERN, 'A SKU has 1 to 64 characters of a-z, 0-9, dot, underscore and hyphen');

/** An order's id as contexts accept it from outside; its reservation and its payment have the same. */
export const orderId = z.uuid('An order id is a UUID');

/** A SKU as events carry it: what was accepted once stays readable if the rule changes. */
export const sku = z.string().min(1).max(64);
export const quantity = z.int().min(1).max(MAX_QUANTITY);
export const aggregateId = z.uuid();
/** Whole minor units of `currency` (cents for EUR). */
export const money = z.object({ minorUnits: z.int(), currency: z.string().regex(/^[A-Z]{3}$/) });
export const lines = z.array(z.object({ sku, quantity })).min(1).max(MAX_LINES);
