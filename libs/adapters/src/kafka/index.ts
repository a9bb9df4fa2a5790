export { aclsFor, type LogUse, permissionsFor } from './acls';
export { KafkaEventLog, type KafkaEventLogOptions } from './kafka-event-log';
