/** `lending-relay` → `LENDING_RELAY`. */
export const upperCase = (name: string): string => name.replaceAll('-', '_').toUpperCase();

/** The environment variable for the port of a process. */
export const portVariableOf = (name: string): string => `${upperCase(name)}_PORT`;

/** The secrets in a cluster with the passwords of a context's database and of a client of Kafka. */
export const databaseSecret = (context: string): string => `${context}-database`;
export const kafkaSecret = (client: string): string => `${client}-kafka`;
