export { type CommittedEvent, Context, type ContextOptions, startContext } from './context';
export type { Replica, Request, Response, Token } from './replica';
