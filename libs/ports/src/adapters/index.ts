export { type AssignableMember, type AssignablePartition, assignPartitions } from './assign-partitions';
export { Aggregates } from './aggregates';
export { type Attempt, Attempts } from './attempts';
export {
  type DeadLetter,
  type DeadLetterFilter,
  type DeadLetterKind,
  type DeadLetterResolution,
  DeadLetters,
  type StoredDeadLetter,
} from './dead-letters';
export {
  type ConsumedRecord,
  type Consumer,
  EventLog,
  FencedError,
  type GroupOffset,
  MissingTopicsError,
  type OutgoingRecord,
  type PartitionDescription,
  partitionsDiffer,
  type PublisherSession,
  type RecordBatch,
  type Subscription,
  TopicsDifferError,
} from './event-log';
export { currentFlow, type Flow, runInFlow, spanWithin } from './flow';
export {
  type IdempotencyKey,
  IdempotencyStore,
  type IdempotencyVerdict,
  type StoredAnswer,
} from './idempotency-store';
export { Inbox } from './inbox';
export { envelopeOf, Outbox, publishedAs } from './outbox';
export {
  type FoundRow,
  NoOutboxError,
  type OutboxBacklog,
  type OutboxPage,
  OutboxReplacedError,
  OutboxSource,
} from './outbox-source';
export { partitionOf } from './partition-of';
export { type LogPartition, type Position, PositionMovedError, Positions } from './positions';
export { bytesOf, textOf } from './record-text';
export { UnitOfWork } from './unit-of-work';
