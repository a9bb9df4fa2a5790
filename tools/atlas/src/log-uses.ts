import type { LogUse } from '@atlas/adapters/kafka';
import { type ContextDeclaration, processesOf } from '@atlas/context';

/** The user of the atlas command on Kafka. */
export const OPERATOR = 'atlas';

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
