import type { Cluster } from 'kafkajs';
import { eachBroker } from './each-broker';

export type HeaderValue = Buffer | string | null | undefined;

/** A record as kafkajs decodes it, control records included. */
export interface FetchedRecord {
  readonly offset: string;
  /** Milliseconds since 1970. */
  readonly timestamp: string;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers?: Readonly<Record<string, HeaderValue | readonly HeaderValue[]>>;
  /** Set on records that consumers never see. */
  isControlRecord?: boolean;
  /** Missing in record formats older than transactions. */
  readonly batchContext?: {
    readonly producerId: string;
    readonly producerEpoch: number;
    readonly inTransaction: boolean;
  };
}

export interface FetchResponse {
  readonly responses: readonly {
    readonly topicName: string;
    readonly partitions: readonly {
      readonly partition: number;
      readonly messages: FetchedRecord[];
      abortedTransactions?: readonly { readonly producerId: string; readonly firstOffset: string }[] | null;
    }[];
  }[];
}

/** Kafka's ControlRecordType, which follows the version in a control record's key. */
export const isAbortMarker = ({ key }: FetchedRecord): boolean => key?.readInt16BE(2) === 0;

/**
 * Makes readers of the cluster skip the records of every aborted transaction. kafkajs assumes that the broker's list of
 * aborted transactions is ordered by first offset, but it is ordered by end, so kafkajs delivers aborted records when
 * transactions overlap in a partition. This marks them as the Java client does, before kafkajs sees them, as control
 * records, which kafkajs skips but counts.
 */
export function skipAborted(cluster: Cluster): Cluster {
  return eachBroker(cluster, (broker) => {
    const fetch = broker.fetch.bind(broker);
    broker.fetch = async (request) => {
      const response = (await fetch(request)) as FetchResponse;
      markAborted(response);
      return response;
    };
  });
}

function markAborted({ responses }: FetchResponse): void {
  for (const partition of responses.flatMap(({ partitions }) => partitions)) {
    if (!partition.abortedTransactions?.length) continue;
    const begins = partition.abortedTransactions.map(({ producerId, firstOffset }) => ({
      producerId,
      firstOffset: Number(firstOffset),
    }));
    begins.sort((a, b) => b.firstOffset - a.firstOffset);
    const aborted = new Set<string>();
    for (const record of partition.messages) {
      for (
        let next = begins.at(-1);
        next && next.firstOffset <= Number(record.offset);
        next = begins.at(-1)
      ) {
        aborted.add(next.producerId);
        begins.pop();
      }
      const { producerId, inTransaction } = record.batchContext ?? { producerId: '', inTransaction: false };
      if (record.isControlRecord) {
        if (isAbortMarker(record)) aborted.delete(producerId);
      } else if (inTransaction && aborted.has(producerId)) {
        record.isControlRecord = true;
      }
    }
    partition.abortedTransactions = [];
  }
}
