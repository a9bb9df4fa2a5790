import { Logger } from '@nestjs/common';
import type { Resilience } from '../resilience';
import type { PolicyEvent } from './events';

/** Logs changes of circuits; refusals and retries, of which there is one per call, at debug level. */
export function logPolicies(resilience: Resilience): void {
  const logger = new Logger('Resilience');
  resilience.listen((event) => {
    const { error, ...fields }: PolicyEvent & { error?: unknown } = event;
    const line = { ...fields, ...(error instanceof Error && { reason: error.message }) };
    switch (event.kind) {
      case 'breaker':
        if (event.state === 'open') logger.warn(line, `The circuit to "${event.dependency}" opens`);
        else logger.log(line, `The circuit to "${event.dependency}" is ${event.state}`);
        return;
      case 'refused':
        return logger.debug(line, `A call to "${event.dependency}" is refused by its ${event.by}`);
      case 'retry':
        return logger.debug(line, `A call to "${event.dependency}" is retried in ${event.delayMs} ms`);
      case 'attempt':
      case 'call':
        return;
    }
  });
}
