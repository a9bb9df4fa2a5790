/** As part of a setting's name: PAYMENT_PROVIDER. */
export const upperCase = (name: string): string => name.replaceAll('-', '_').toUpperCase();

/** The setting that chooses a process's port. */
export const portVariableOf = (name: string): string => `${upperCase(name)}_PORT`;
