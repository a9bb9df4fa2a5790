import type { SASLOptions } from 'kafkajs';
import { hasType } from './errors';
import type { Names } from './names';

/** What Kafka's authorizer checks: operations on resources. */
export interface Permission {
  readonly resource: 'topic' | 'group' | 'transactional id';
  /** On the brokers. */
  readonly names: readonly string[];
  /** The fewest that suffice: Read and Write include Describe. */
  readonly operations: readonly ('Create' | 'Describe' | 'DescribeConfigs' | 'Read' | 'Write')[];
}

const onTopics = (
  names: Names,
  topics: readonly string[],
  ...operations: Permission['operations']
): Permission => ({ resource: 'topic', names: topics.map((topic) => names.topic(topic)), operations });

/** To create topics, to compare them with their declaration, and to write to them. */
export const toWrite = (names: Names, topics: readonly string[]): Permission =>
  onTopics(names, topics, 'Create', 'Write', 'DescribeConfigs');

/** To be the publisher of a source. */
export const toPublish = (names: Names, source: string): readonly Permission[] => [
  {
    resource: 'topic',
    names: [names.cursorTopic(source)],
    operations: ['Create', 'Read', 'Write', 'DescribeConfigs'],
  },
  { resource: 'transactional id', names: [names.transactionalId(source)], operations: ['Write'] },
];

/** To compare topics with their declaration and to consume them. */
export const toConsume = (names: Names, topics: readonly string[]): Permission =>
  onTopics(names, topics, 'Read', 'DescribeConfigs');

/** To be a member of a group. */
export const toJoin = (names: Names, group: string): Permission => ({
  resource: 'group',
  names: [names.group(group)],
  operations: ['Read'],
});

/** To read topics without a group. */
export const toRead = (names: Names, topics: readonly string[]): Permission =>
  onTopics(names, topics, 'Read');

/** To see that topics exist and how long they are. */
export const toDescribe = (names: Names, topics: readonly string[]): Permission =>
  onTopics(names, topics, 'Describe');

/** To see how far groups are. */
export const toWatch = (names: Names, groups: readonly string[]): Permission => ({
  resource: 'group',
  names: groups.map((group) => names.group(group)),
  operations: ['Describe'],
});

const DENIALS = [
  ['TOPIC_AUTHORIZATION_FAILED', 'topic'],
  ['GROUP_AUTHORIZATION_FAILED', 'group'],
  ['TRANSACTIONAL_ID_AUTHORIZATION_FAILED', 'transactional id'],
] as const;

/**
 * If the brokers have denied one of these permissions: an error that names what is needed of that kind. Otherwise the
 * error itself.
 */
export function explained(
  error: unknown,
  permissions: readonly Permission[],
  sasl: SASLOptions | undefined,
): unknown {
  const [, denied] = DENIALS.find(([type]) => hasType(error, type)) ?? [];
  const needed = permissions.filter(({ resource, names }) => resource === denied && names.length > 0);
  if (needed.length === 0) return error;
  const user = sasl && 'username' in sasl ? `the user "${sasl.username}"` : 'this client';
  return new Error(
    `Kafka denies ${user} a permission: it needs ${needed.map(sentenceOf).join(', and ')}. ` +
      '"npx atlas acls" prints what each process needs.',
    { cause: error },
  );
}

const sentenceOf = ({ resource, names, operations }: Permission): string =>
  `${listed(operations)} on ${resource} ${listed(names.map((name) => `"${name}"`))}`;

const listed = (items: readonly string[]): string =>
  items.length < 2 ? items.join() : `${items.slice(0, -1).join(', ')} and ${items.at(-1)}`;

/** Arguments of `kafka-acls.sh` that grant the permissions, one command each, without those that find the brokers. */
export const aclCommands = (user: string, permissions: readonly Permission[]): readonly string[] =>
  permissions
    .filter(({ names }) => names.length > 0)
    .map(({ resource, names, operations }) =>
      [
        `--add --allow-principal User:${user}`,
        ...operations.map((operation) => `--operation ${operation}`),
        ...names.map((name) => `--${resource.replaceAll(' ', '-')} ${name}`),
      ].join(' '),
    );
