export { AdaptiveLimit, type AdaptiveLimitOptions, type Admission } from './adaptive-limit';
export { classifyError, classifyResponse } from './classify';
export {
  AttemptTimedOut,
  BulkheadFull,
  CircuitOpen,
  DeadlineExceeded,
  DependencyError,
  type Failure,
} from './errors';
export { type Blame, blameOf, isInfrastructureError, WorkTimeoutError } from './infrastructure-error';
export { Loop, type LoopOptions, type Next } from './loop';
export type { BreakerState, PolicyEvent, PolicyListener } from './policy/events';
export { type Attempt, type Call, Policy, type PolicyState } from './policy/policy';
export {
  type Declarations,
  loadPolicies,
  type PolicyDeclaration,
  type PolicySettings,
  ResilienceConfigError,
} from './policy/settings';
export { Resilience } from './resilience';
export { ResilienceModule } from './resilience.module';
