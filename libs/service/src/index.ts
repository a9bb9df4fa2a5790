export { bootService } from './boot';
export { ConfigError, loadConfig, serviceSettings, type ServiceSettings } from './config';
export { createService, startService } from './create-service';
export { describeService } from './describe-service';
export { EventContext } from './events/event-context';
export {
  EventLogServer,
  type EventLogServerOptions,
  type EventLogServerPorts,
} from './events/event-log-server';
export { Readiness, type ReadinessCheck } from './health';
export { Audience, type AudienceName } from './http/audience';
export { eachOnce, pageLimitField } from './http/fields';
export { Idempotent } from './http/idempotent';
export { createLogging, type ServiceLogging } from './logging';
export {
  notFound,
  pointerTo,
  Problem,
  type ProblemDetails,
  type ProblemField,
  type ProblemOptions,
} from './http/problem-details';
export { Repeatable } from './http/repeatable';
export type { ServiceDefinition } from './service-definition';
export { sampled } from './telemetry/sampled';
