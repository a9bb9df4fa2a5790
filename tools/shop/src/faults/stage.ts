import type { EventLogSettings } from '@atlas/adapters/event-log';
import type { Stack } from '@atlas/cli/stacks';
import type { Condition } from './links';
import type { FaultKind, Topology } from './plan';
import type { BROKER, DATABASE } from './players';

/** A platform that was started to be broken, and the means to break it. */
export interface Stage {
  readonly stack: Stack;
  readonly topology: Topology;
  /** Why kinds of faults are impossible here. */
  readonly impossible: ReadonlyMap<FaultKind, string>;
  /** Base URLs of the contexts, behind the links from the client. */
  readonly urls: Readonly<Record<string, string>>;
  /** Where the event log is, without a link. */
  readonly eventLog: EventLogSettings;

  /** Sends SIGKILL to a process or engine, which is then started again. */
  kill(name: string): Promise<void>;
  stop(name: string): Promise<void>;
  continue(name: string): Promise<void>;
  /** Ends it as its operator would, and starts it again. */
  restart(name: string): Promise<void>;
  /** Starts another process of a service. @returns what ends it, by SIGKILL or in order. */
  replicate(service: string): Promise<(kill: boolean) => Promise<void>>;

  /** Changes the condition of links; an empty one mends them. */
  connect(links: readonly string[], condition: Condition): Promise<void>;
  /** Shifts what a process sees of the time of day, milliseconds. */
  shiftClock(process: string, offsetMs: number): Promise<void>;
  /** Fills the disk of the engine. @returns what makes room again. */
  fillDisk(of: typeof DATABASE | typeof BROKER): Promise<() => Promise<void>>;

  /** Deletes a topic with its records and the groups' offsets. */
  deleteTopic(topic: string): Promise<void>;

  /** `postgres://…` of a database as the administrator, without a link. */
  adminUrl(database: string): string;
  /** The right password of a role. */
  passwordOf(role: string): string;
  /** Stops everything. @param keep whether the data stays, for a look at it. */
  close(keep: boolean): Promise<void>;
}
