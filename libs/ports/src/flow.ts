import { AsyncLocalStorage } from 'node:async_hooks';

/** What one piece of work was caused by; it travels with the work, across awaits, and onto its events. */
export interface Flow {
  readonly correlationId: string;
  readonly causationId?: string | undefined;
  readonly traceparent?: string | undefined;
}

const storage = new AsyncLocalStorage<Flow>();

export const runInFlow = <T>(flow: Flow, work: () => T): T => storage.run(flow, work);

export const currentFlow = (): Flow | undefined => storage.getStore();
