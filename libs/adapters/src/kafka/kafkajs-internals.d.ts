// The internals of kafkajs 2.2.4 that this adapter uses.

declare module 'kafkajs/src/protocol/requests' {
  import type { Message } from 'kafkajs';

  interface Request {
    readonly encode: () => Promise<{ readonly buf: Buffer; readonly buffer: Buffer; size(): number }>;
    readonly apiKey: number;
    readonly apiVersion: number;
    readonly apiName: string;
  }
  export const requests: {
    Produce: Definition<ProduceRequest>;
    Metadata: Definition<MetadataRequest>;
    Fetch: Definition<FetchRequest>;
  };

  interface Definition<R> {
    /** The versions that kafkajs may choose from. */
    readonly versions: string[];
    protocol: (_: { readonly version: number }) => (request: R) => {
      readonly request: Request;
      readonly response: object;
    };
  }
  export interface MetadataRequest {
    /** All, if empty. */
    readonly topics: readonly string[];
    readonly allowAutoTopicCreation?: boolean;
  }
  export interface FetchRequest {
    readonly replicaId?: number;
    readonly isolationLevel?: number;
    readonly maxWaitTime: number;
    readonly minBytes: number;
    readonly maxBytes: number;
    readonly topics: readonly {
      readonly topic: unknown;
      readonly partitions: readonly {
        readonly partition: number;
        readonly fetchOffset: string;
        readonly maxBytes: number;
      }[];
    }[];
    readonly rackId?: string;
  }
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

declare module 'kafkajs/src/protocol/recordBatch/record/v0/decoder' {
  import type Decoder from 'kafkajs/src/protocol/decoder';

  /** The headers have a list for a name that occurs several times. */
  const decode: (
    decoder: Decoder,
    context: { readonly firstOffset: string; readonly firstTimestamp: string },
  ) => { readonly headers: Readonly<Record<string, Buffer | null | readonly (Buffer | null)[]>> };
  export = decode;
}

declare module 'kafkajs/src/cluster/brokerPool' {
  import type { Broker } from 'kafkajs';

  class BrokerPool {
    /** Asks one broker after the other until one answers; null if none does. */
    withBroker<T>(
      ask: (pooled: { readonly nodeId: string; readonly broker: Broker }) => Promise<T>,
    ): Promise<T | null>;
  }
  export = BrokerPool;
}

declare module 'kafkajs/src/broker' {
  class KafkaBroker {
    addPartitionsToTxn(request: object): Promise<unknown>;
  }
  export = KafkaBroker;
}

declare module 'kafkajs/src/retry' {
  type Retrier = <T>(work: (bail: (error: Error) => void, retryCount: number) => Promise<T>) => Promise<T>;
  const createRetry: (options: object) => Retrier;
  export = createRetry;
}

declare module 'kafkajs/src/producer/sendMessages' {
  import type { ICustomPartitioner, RecordMetadata, TopicMessages } from 'kafkajs';

  const createSendMessages: (producer: {
    readonly logger: object;
    readonly cluster: object;
    readonly partitioner: ReturnType<ICustomPartitioner>;
    readonly eosManager: object;
    readonly retrier: unknown;
  }) => (request: {
    readonly acks: number;
    readonly topicMessages: readonly TopicMessages[];
  }) => Promise<RecordMetadata[]>;
  export = createSendMessages;
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

declare module 'kafkajs/src/protocol/encoder' {
  /** `UVarInt` lengths are those of the protocol's compact types: one more than the length, and 0 for null. */
  class Encoder {
    readonly buf: Buffer;
    readonly buffer: Buffer;
    size(): number;
    writeInt8(value: number): this;
    writeInt32(value: number): this;
    writeInt64(value: string): this;
    writeBoolean(value: boolean): this;
    writeBuffer(value: Buffer): this;
    writeUVarInt(value: number): this;
    writeUVarIntString(value: string | null): this;
  }
  export = Encoder;
}

declare module 'kafkajs/src/protocol/decoder' {
  /** `UVarInt` lengths are those of the protocol's compact types: one more than the length, and 0 for null. */
  class Decoder {
    constructor(buffer: Buffer);
    readInt16(): number;
    readInt32(): number;
    readInt64(): bigint;
    readBoolean(): boolean;
    canReadBytes(length: number): boolean;
    readBytes(length?: number): Buffer;
    readUVarInt(): number;
    readUVarIntString(): string | null;
    readVarIntArray<T>(reader: (decoder: Decoder) => T): T[];
    readUVarIntArray<T>(reader: (decoder: Decoder) => T): T[] | null;
    forward(bytes: number): void;
  }
  export = Decoder;
}

declare module 'kafkajs/src/protocol/requests/fetch/v4/decodeMessages' {
  import type Decoder from 'kafkajs/src/protocol/decoder';

  /** Reads the size of the records, and then these. */
  function decodeMessages(
    decoder: Pick<Decoder, 'readInt32' | 'canReadBytes' | 'readBytes'>,
  ): Promise<object[]>;
  export = decodeMessages;
}

declare module 'kafkajs/src/protocol/requests/fetch/v0/response' {
  /** @throws the error that the response contains, if any. */
  export const parse: <R>(response: R) => Promise<R>;
}

declare module 'kafkajs/src/protocol/requests/metadata/v0/response' {
  /** @throws the error that the response contains, if any. */
  export const parse: <R>(response: R) => Promise<R>;
}

declare module 'kafkajs/src/protocol/error' {
  export const failure: (code: number) => boolean;
  export const createErrorFromCode: (code: number) => Error;
}
