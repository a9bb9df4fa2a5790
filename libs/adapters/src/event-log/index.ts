export { EventLogModule } from './event-log.module';
export { type EventLogSettings, openEventLog } from './open-event-log';
