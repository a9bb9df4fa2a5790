export { aclsFor, type LogUse } from './acls';
export { KafkaEventLog, type KafkaEventLogOptions } from './kafka-event-log';
