// The relay has no business of its own: what it needs from outside are the platform's technical ports.
import type { EventLog } from '@atlas/ports/adapters';

export {
  EventLog,
  type FoundRow,
  NoOutboxError,
  type OutboxBacklog,
  type OutboxPage,
  OutboxReplacedError,
  OutboxSource,
  type OutgoingRecord,
  type PublisherSession,
  TopicsDifferError,
} from '@atlas/ports/adapters';

/** What publishing needs of the log. */
export type PublishingLog = Pick<EventLog, 'ensureTopics' | 'openPublisher'>;

/** What adopting another database needs of the log. */
export type AdoptingLog = Pick<EventLog, 'openPublisher' | 'describe' | 'read'>;

/** What measuring consumers needs of the log. */
export type ObservableLog = Pick<EventLog, 'describe' | 'groupOffsets'>;

export type Topics = Parameters<EventLog['ensureTopics']>[0];
