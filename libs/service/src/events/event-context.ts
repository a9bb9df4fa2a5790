import { BaseRpcContext } from '@nestjs/microservices';
import type { ConsumedRecord } from '@atlas/ports/adapters';

/** What a handler can ask for with `@Ctx()`: the record that carried its event. */
export class EventContext extends BaseRpcContext<[ConsumedRecord]> {
  get record(): ConsumedRecord {
    return this.args[0];
  }
}
