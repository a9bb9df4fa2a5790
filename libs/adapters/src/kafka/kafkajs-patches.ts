import { setTimeout as pause } from 'node:timers/promises';
import KafkaBroker from 'kafkajs/src/broker';
import KafkaCluster from 'kafkajs/src/cluster';
import BrokerPool from 'kafkajs/src/cluster/brokerPool';
import RequestQueue from 'kafkajs/src/network/requestQueue';
import Decoder from 'kafkajs/src/protocol/decoder';
import { hasType } from './errors';

/* eslint-disable @typescript-eslint/unbound-method -- they are called with their own objects as this */

// After the first response, kafkajs polls each connection every millisecond, for ever, for waiting requests.
const { scheduleCheckPendingRequests } = RequestQueue.prototype;
RequestQueue.prototype.scheduleCheckPendingRequests = function () {
  if (this.pending.length > 0) scheduleCheckPendingRequests.call(this);
};

// kafkajs asks one broker after the other, and drops their errors: a denied permission would read as "no coordinator".
const { withBroker } = BrokerPool.prototype;
BrokerPool.prototype.withBroker = async function <T>(
  ask: (pooled: PooledBroker) => Promise<T>,
): Promise<T | null> {
  let denial: Error | undefined;
  const answer = await withBroker.call(this, async (pooled) => {
    try {
      return await ask(pooled);
    } catch (error) {
      if (isDenied(error)) denial = error;
      throw error;
    }
  });
  if (answer === null && denial) throw denial;
  return answer as T | null;
};

const isDenied = (error: unknown): error is Error =>
  error instanceof Error && 'type' in error && String(error.type).endsWith('AUTHORIZATION_FAILED');

/** The coordinator type of a transactional id, as opposed to a group. */
const TRANSACTION = 1;
/** The longest time that a moved coordinator goes unnoticed. */
const COORDINATOR_KNOWN_MS = 500;

type PooledBroker = Parameters<Parameters<BrokerPool['withBroker']>[0]>[0];

interface Answer {
  readonly found: ReturnType<KafkaCluster['findGroupCoordinatorMetadata']>;
  readonly at: number;
}

// kafkajs looks up the coordinator twice per transaction, a quarter of the time of a small one.
const answers = new WeakMap<KafkaCluster, Map<string, Answer>>();
const { findGroupCoordinatorMetadata } = KafkaCluster.prototype;
KafkaCluster.prototype.findGroupCoordinatorMetadata = function (group) {
  if (group.coordinatorType !== TRANSACTION) return findGroupCoordinatorMetadata.call(this, group);
  const known = answers.get(this) ?? new Map<string, Answer>();
  answers.set(this, known);
  const last = known.get(group.groupId);
  if (last && performance.now() - last.at < COORDINATOR_KNOWN_MS) return last.found;
  const found = findGroupCoordinatorMetadata.call(this, group);
  known.set(group.groupId, { found, at: performance.now() });
  found.catch(() => known.delete(group.groupId));
  return found;
};

/** The markers of a commit take milliseconds. */
const MARKERS_MS = 5_000;
const MARKERS_PAUSE_MS = 5;

// The coordinator refuses a transaction's first partitions until the markers of the last one are written. For kafkajs one such
// refusal fails a request to all brokers, which it then repeats before the others have answered.
const { addPartitionsToTxn } = KafkaBroker.prototype;
KafkaBroker.prototype.addPartitionsToTxn = async function (request) {
  for (const deadline = performance.now() + MARKERS_MS; ; await pause(MARKERS_PAUSE_MS)) {
    try {
      return await addPartitionsToTxn.call(this, request);
    } catch (error) {
      if (!hasType(error, 'CONCURRENT_TRANSACTIONS')) throw error;
      // Otherwise kafkajs would repeat the whole wait, as often as its producer may retry.
      if (performance.now() > deadline) throw Object.assign(error as Error, { retriable: false });
    }
  }
};

interface Header {
  readonly key: string;
  readonly value: Buffer | null;
}

// To reduce a record's headers to an object, kafkajs copies all earlier ones for each: 10,000 headers take more than a
// minute, in which the process does nothing else and loses its partitions. Only headers are read as such arrays.
const { readVarIntArray } = Decoder.prototype;
Decoder.prototype.readVarIntArray = function <T>(read: (decoder: Decoder) => T): T[] {
  const headers = readVarIntArray.call(this, read) as Header[];
  return Object.assign(headers, { reduce: () => byName(headers) }) as unknown as T[];
};

function byName(headers: readonly Header[]): object {
  const values = new Map<string, Header['value'] | Header['value'][]>();
  for (const { key, value } of headers) {
    const before = values.get(key);
    if (before === undefined) values.set(key, value);
    else if (Array.isArray(before)) before.push(value);
    else values.set(key, [before, value]);
  }
  return Object.fromEntries(values);
}
