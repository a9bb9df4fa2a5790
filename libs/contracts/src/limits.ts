/** A stock-keeping unit's code: 1 to 64 characters of a-z, 0-9, dot, underscore and hyphen. */
export const SKU_PATTERN = /^[a-z0-9][a-z0-9._-]{0,63}$/;

/** The maximum quantity of one line. */
export const MAX_QUANTITY = 10_000;

/** The maximum number of lines of an order. */
export const MAX_LINES = 1_000;
