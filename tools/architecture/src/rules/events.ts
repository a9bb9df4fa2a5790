import ts from 'typescript';
import { topicOf } from '@atlas/events';
import { appOf, type Rule, type Workspace } from '../workspace';
import { decoratorsOf, namesIn, nodesOf } from '../syntax';

/** The contexts by the names of the contracts that `namesOf` finds in their files. */
function contextsByContract(
  workspace: Workspace,
  files: RegExp,
  namesOf: (source: ts.SourceFile) => Iterable<string>,
): ReadonlyMap<string, ReadonlySet<string>> {
  const contexts = new Map<string, Set<string>>();
  for (const path of workspace.paths(files)) {
    for (const name of namesOf(workspace.source(path))) {
      if (name in workspace.contracts) {
        contexts.set(name, (contexts.get(name) ?? new Set()).add(appOf(path)));
      }
    }
  }
  return contexts;
}

/** The contexts that handle each event, by the name of its contract. */
const consumersOf = (workspace: Workspace) =>
  contextsByContract(
    workspace,
    /^apps\/[^/]+\/src\/adapters\/driving\/events\/[^/]+(?<!\.spec)\.ts$/,
    (source) =>
      nodesOf(source, ts.isMethodDeclaration)
        .flatMap((method) => decoratorsOf(method).get('EventPattern') ?? [])
        .flatMap((pattern) => [...namesIn(pattern)]),
  );

/** The contexts that translate to each event, by the name of its contract. */
const publishersOf = (workspace: Workspace) =>
  contextsByContract(workspace, /^apps\/[^/]+\/src\/adapters\/driven\/.*(?<!\.spec)\.ts$/, namesIn);

export const eventsAreComplete: Rule = {
  name: 'Every event has an owner, a schema, an example, and a consumer or a reason for none',
  check: (workspace) => {
    const consumers = consumersOf(workspace);
    const publishers = publishersOf(workspace);
    return Object.entries(workspace.contracts).flatMap(([name, contract]) => {
      const { type, version, owner, data, examples, unconsumed } = contract;
      const where = `${name} in libs/contracts`;
      const found: string[] = [];
      const declared = workspace.declarations.get(owner);
      if (declared?.kind !== 'context' || declared.topics.publishes !== topicOf(owner)) {
        found.push(
          `${where} is owned by "${owner}", which is no context that publishes: name the context that publishes it, or ` +
            `declare "publishes": "${topicOf(owner)}" in apps/${owner}/context.json.`,
        );
      }
      if (!type.startsWith(`${owner}.`)) {
        found.push(`${where} has the type "${type}": begin it with its owner, "${owner}.".`);
      }
      const by = [...(publishers.get(name) ?? [])];
      if (!by.includes(owner)) {
        found.push(
          `${where} is published by nobody: translate to it in apps/${owner}/src/adapters/driven/events/, or remove it.`,
        );
      }
      for (const other of by.filter((each) => each !== owner)) {
        found.push(
          `${where} belongs to ${owner}, but apps/${other} publishes it, too: an event has one owner. Let ${other} ` +
            'publish an event of its own.',
        );
      }
      if (!workspace.has(`libs/contracts/released/${type}.v${version}.json`)) {
        found.push(
          `${where} has no released schema: run "npm run contracts:release" and commit what it writes.`,
        );
      }
      if (examples.length === 0) {
        found.push(`${where} has no example: add realistic data to its "examples".`);
      }
      if (examples.some((example) => !data.safeParse(example).success)) {
        found.push(`${where} has an example that breaks its schema: correct the example or the schema.`);
      }
      const readers = [...(consumers.get(name) ?? [])];
      if (readers.length === 0 && !unconsumed?.trim()) {
        found.push(
          `${where} is consumed by nobody: handle it in a context's adapters/driving/events/, say why nobody does in ` +
            'its "unconsumed", or remove it.',
        );
      }
      if (readers.length > 0 && unconsumed !== undefined) {
        found.push(`${where} is consumed by ${readers.join(', ')}: remove its "unconsumed".`);
      }
      return found;
    });
  },
};

export const topicsAreDeclared: Rule = {
  name: 'Every context declares the topics of the events that it handles, and no other',
  check: (workspace) => {
    const consumers = [...consumersOf(workspace)];
    return workspace.contexts.flatMap((context) => {
      const handled = consumers
        .filter(([, contexts]) => contexts.has(context))
        .map(([name]) => topicOf(workspace.contracts[name]?.owner ?? ''));
      const declared = workspace.declarations.get(context)?.topics.consumes ?? [];
      const file = `apps/${context}/context.json`;
      return [
        ...[...new Set(handled)]
          .filter((topic) => !declared.includes(topic))
          .map((topic) => `${context} handles events of ${topic}: add it to "consumes" in ${file}.`),
        ...declared
          .filter((topic) => !handled.includes(topic))
          .map(
            (topic) =>
              `${file} consumes ${topic}, but no handler in its adapters/driving/events/ takes an event of it: add the ` +
              'handler, or remove the topic.',
          ),
      ];
    });
  },
};
