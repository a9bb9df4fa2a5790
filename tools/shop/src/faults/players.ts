import { DECLARATIONS, POSTGRES, PROCESSES, SERVICES } from '@atlas/cli/topology';
import type { Topology } from './plan';

/** Who a link leads to, besides processes: `orders→database`. */
export const DATABASE = 'database';
export const BROKER = 'broker';
/** Whoever places the orders. */
export const CLIENT = 'client';

export const linkOf = (from: string, to: string): string => `${from}→${to}`;

/** What the declarations say that there is to strike; the stacks differ in their engines alone. */
export const topologyWith = (...others: readonly string[]): Topology => ({
  processes: PROCESSES.map(({ name }) => name),
  engines: [POSTGRES, ...others],
  contexts: SERVICES,
  owners: DECLARATIONS.filter(({ database }) => database).map(({ name }) => name),
  links: [
    ...SERVICES.map((name) => linkOf(CLIENT, name)),
    ...PROCESSES.flatMap(({ name, stores, context, urls }) => [
      ...(context.database ? [linkOf(name, DATABASE)] : []),
      ...(stores.includes('eventLog') ? [linkOf(name, BROKER)] : []),
      ...Object.values(urls).map((other) => linkOf(name, other)),
    ]),
  ],
});

/** The database of a context, which is the name of its role, too. @throws Error if it has none. */
export function databaseOf(context: string): string {
  const found = DECLARATIONS.find(({ name }) => name === context)?.database;
  if (!found) throw new Error(`${context} has no database`);
  return found;
}
