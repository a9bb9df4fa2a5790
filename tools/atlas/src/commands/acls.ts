import { aclsFor, type LogUse } from '@atlas/adapters/kafka';
import { type ContextDeclaration, processesOf } from '@atlas/context';
import { DECLARATIONS } from '../topology';

export interface AclsOptions {
  readonly json?: boolean;
  /** As KAFKA_PREFIX. */
  readonly prefix: string;
}

/** The user of the atlas command. */
const OPERATOR = 'atlas';

/** Prints the commands that grant each process, and the atlas command, the fewest permissions on Kafka that suffice. */
export async function runAcls({ json, prefix }: AclsOptions): Promise<number> {
  const uses = logUses(DECLARATIONS).map((use) => ({ user: use.user, acls: aclsFor(use, prefix) }));
  process.stdout.write(json ? `${JSON.stringify(uses, undefined, 2)}\n` : describe(uses));
  return 0;
}

const describe = (uses: readonly { readonly user: string; readonly acls: readonly string[] }[]): string =>
  [
    '# Each process has its own user, named after it. BROKER and ADMIN: see docs/kafka.md.',
    ...uses.flatMap(({ user, acls }) => [
      `\n# ${user}`,
      ...acls.map((acl) => `kafka-acls.sh --bootstrap-server "$BROKER" --command-config "$ADMIN" ${acl}`),
    ]),
    '',
  ].join('\n');

/** What each process does on the log, as the contexts declare it. */
export function logUses(declarations: readonly ContextDeclaration[]): readonly LogUse[] {
  const consumersOf = (topic: string) =>
    declarations.filter(({ topics }) => topics.consumes?.includes(topic)).map(({ name }) => name);
  const ofProcesses = processesOf(declarations).flatMap(({ name, kind, context }): LogUse[] => {
    const { publishes: topic, consumes = [] } = context.topics;
    if (kind === 'relay' && topic !== undefined) {
      return [{ user: name, publishes: { source: context.name, topic, consumers: consumersOf(topic) } }];
    }
    return kind === 'service' && consumes.length > 0
      ? [{ user: name, consumes: { group: context.name, topics: consumes } }]
      : [];
  });
  const topics = declarations.flatMap(({ topics: { publishes } }) => publishes ?? []);
  const groups = declarations.filter(({ topics: { consumes } }) => consumes?.length).map(({ name }) => name);
  return [...ofProcesses, { user: OPERATOR, watches: { topics, groups } }];
}
