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

/** The fewest ACLs with which a process can do this: the arguments of `kafka-acls.sh`, one command each. */
export function aclsFor({ user, publishes, consumes, watches }: LogUse, prefix = ''): readonly string[] {
  const names = new Names(prefix);
  const permissions: Permission[] = [];
  if (publishes) {
    const { source, topic, consumers } = publishes;
    permissions.push(toWrite(names, [topic]), ...toPublish(names, source), toWatch(names, consumers));
  }
  if (consumes) permissions.push(toConsume(names, consumes.topics), toJoin(names, consumes.group));
  if (watches) permissions.push(toRead(names, watches.topics), toWatch(names, watches.groups));
  return aclCommands(user, permissions);
}
