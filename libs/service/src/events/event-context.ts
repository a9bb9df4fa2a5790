import { BaseRpcContext } from '@nestjs/microservices';
import type { ConsumedRecord } from '@atlas/ports/adapters';

/** Injected by `@Ctx()`: the record that carried the event. */
export class EventContext extends BaseRpcContext<[ConsumedRecord]> {
  get record(): ConsumedRecord {
    return this.args[0];
  }
}
