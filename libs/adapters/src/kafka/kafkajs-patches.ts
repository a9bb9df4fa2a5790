import KafkaCluster from 'kafkajs/src/cluster';
import RequestQueue from 'kafkajs/src/network/requestQueue';

/* eslint-disable @typescript-eslint/unbound-method -- they are called on their own objects again */

// Once anything was answered, kafkajs looks every millisecond, on each connection for ever, whether requests wait.
const { scheduleCheckPendingRequests } = RequestQueue.prototype;
RequestQueue.prototype.scheduleCheckPendingRequests = function () {
  if (this.pending.length > 0) scheduleCheckPendingRequests.call(this);
};

/** Of a transactional id, as opposed to a group. */
const TRANSACTION = 1;
/** What it costs at most that a coordinator has moved. */
const COORDINATOR_KNOWN_MS = 500;

interface Answer {
  readonly found: ReturnType<KafkaCluster['findGroupCoordinatorMetadata']>;
  readonly at: number;
}

// kafkajs asks twice in each transaction who coordinates it, which is a fourth of the time that a small one takes.
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
