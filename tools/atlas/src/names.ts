/** `payment-provider` → `PAYMENT_PROVIDER`. */
export const upperCase = (name: string): string => name.replaceAll('-', '_').toUpperCase();

/** The environment variable for the port of a process. */
export const portVariableOf = (name: string): string => `${upperCase(name)}_PORT`;
