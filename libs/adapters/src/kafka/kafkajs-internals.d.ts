// The internals of kafkajs 2.2.4 that this adapter uses.

declare module 'kafkajs/src/protocol/requests' {
  import type { Message } from 'kafkajs';

  interface Request {
    readonly encode: () => Promise<{ readonly buf: Buffer; readonly buffer: Buffer; size(): number }>;
  }
  export const requests: {
    Produce: {
      protocol: (_: { readonly version: number }) => (request: ProduceRequest) => {
        readonly request: Request;
        readonly response: unknown;
      };
    };
  };
  export interface ProduceRequest {
    readonly transactionalId?: string | null | undefined;
    readonly acks: number;
    readonly timeout: number;
    readonly compression: number;
    readonly producerId: unknown;
    readonly producerEpoch: number;
    readonly topicData: readonly {
      readonly topic: string;
      readonly partitions: readonly {
        readonly partition: number;
        readonly firstSequence: number;
        readonly messages: readonly Message[];
      }[];
    }[];
  }
}

declare module 'kafkajs/src/network/requestQueue' {
  class RequestQueue {
    constructor(options: object);
    readonly pending: readonly unknown[];
    checkPendingRequests(): void;
    scheduleCheckPendingRequests(): void;
  }
  export = RequestQueue;
}

declare module 'kafkajs/src/cluster' {
  import type { CoordinatorMetadata } from 'kafkajs';

  class KafkaCluster {
    findGroupCoordinatorMetadata(group: {
      readonly groupId: string;
      readonly coordinatorType?: number;
    }): Promise<CoordinatorMetadata>;
  }
  export = KafkaCluster;
}
