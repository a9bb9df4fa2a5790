import { Names } from './names';
import {
  aclCommands,
  type Permission,
  toConsume,
  toJoin,
  toPublish,
  toRead,
  toWatch,
  toWrite,
} from './permissions';

/** What a process does on the log. */
export interface LogUse {
  /** The name that it uses on the brokers. */
  readonly user: string;
  /** It publishes for this source to this topic, and watches the groups that consume the topic. */
  readonly publishes?: {
    readonly source: string;
    readonly topic: string;
    readonly consumers: readonly string[];
  };
  /** It consumes these topics as a member of this group. */
  readonly consumes?: { readonly group: string; readonly topics: readonly string[] };
  /** It reads these topics without a group, and watches these groups, as an operator does. */
  readonly watches?: { readonly topics: readonly string[]; readonly groups: readonly string[] };
}

/** The fewest permissions with which a process can do this. */
export function permissionsFor({ publishes, consumes, watches }: LogUse, prefix = ''): readonly Permission[] {
  const names = new Names(prefix);
  const permissions: Permission[] = [];
  if (publishes) {
    const { source, topic, consumers } = publishes;
    permissions.push(
      toWrite(names, [topic]),
      // Only to adopt a database that was replaced.
      toRead(names, [topic]),
      ...toPublish(names, source),
      toWatch(names, consumers),
    );
  }
  if (consumes) permissions.push(toConsume(names, consumes.topics), toJoin(names, consumes.group));
  if (watches) permissions.push(toRead(names, watches.topics), toWatch(names, watches.groups));
  return permissions;
}

/** The same as arguments of `kafka-acls.sh`, one command each. */
export const aclsFor = (use: LogUse, prefix = ''): readonly string[] =>
  aclCommands(use.user, permissionsFor(use, prefix));
