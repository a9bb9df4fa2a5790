import { aclsFor } from '@atlas/adapters/kafka';
import { logUses } from '../log-uses';
import { DECLARATIONS } from '../topology';

export interface AclsOptions {
  readonly json?: boolean;
  /** As KAFKA_PREFIX. */
  readonly prefix: string;
}

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
