import KafkaCluster from 'kafkajs/src/cluster';
import RequestQueue from 'kafkajs/src/network/requestQueue';

/* eslint-disable @typescript-eslint/unbound-method -- they are called with their own objects as this */

// After the first response, kafkajs polls each connection every millisecond, for ever, for waiting requests.
const { scheduleCheckPendingRequests } = RequestQueue.prototype;
RequestQueue.prototype.scheduleCheckPendingRequests = function () {
  if (this.pending.length > 0) scheduleCheckPendingRequests.call(this);
};

/** The coordinator type of a transactional id, as opposed to a group. */
const TRANSACTION = 1;
/** The longest time that a moved coordinator goes unnoticed. */
const COORDINATOR_KNOWN_MS = 500;

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
