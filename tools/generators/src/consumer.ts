import type { ContextDeclaration } from '@atlas/context';
import type { Tree } from '@nx/devkit';
import {
  type ObjectLiteralExpression,
  type SourceFile,
  SyntaxKind,
  type VariableDeclaration,
} from 'ts-morph';
import { addDependency, addImport, addMember, addToList, addToProperty, classIn, edit } from './edit';
import { Refusal } from './refusal';
import {
  EVENT,
  isOfConsumer,
  OTHER_CONTEXT,
  rendererFor,
  replacementsFor,
  writeFromTemplate,
} from './template';
import { parse, writeJson } from './tidy';
import {
  aggregatesThatOpen,
  mustBeContext,
  CONTRACTS,
  filesBelow,
  read,
  updateWhatFollows,
} from './workspace';
import { wordsOf } from './words';

/** An event in the published language. */
export interface PublishedEvent {
  /** `lending.book-lent` */
  readonly type: string;
  /** `lending` */
  readonly owner: string;
  /** `book-lent` */
  readonly name: string;
}

/** The types of a context's events, by the names of their contracts. */
function contractsOf(tree: Tree, owner: string): ReadonlyMap<string, string> {
  const path = `${CONTRACTS}/${owner}.ts`;
  if (!tree.exists(path)) return new Map();
  const contracts = parse(path, read(tree, path))
    .getVariableDeclarations()
    .filter((each) => each.isExported())
    .flatMap((each) => {
      const type = definitionOf(each)
        ?.getProperty('type')
        ?.asKind(SyntaxKind.PropertyAssignment)
        ?.getInitializerIfKind(SyntaxKind.StringLiteral);
      return type ? [[type.getLiteralValue(), each.getName()] as const] : [];
    });
  return new Map(contracts);
}

/** @throws Refusal if no context publishes such an event. */
export function findEvent(tree: Tree, type: string): PublishedEvent {
  const [owner = '', name = ''] = type.split('.');
  const contracts = contractsOf(tree, owner);
  if (contracts.get(type) === wordsOf(name).pascal) return { type, owner, name };
  const known = filesBelow(tree, CONTRACTS).flatMap((path) => {
    const context = path.slice(CONTRACTS.length + 1, -'.ts'.length);
    return [...contractsOf(tree, context).keys()];
  });
  throw new Refusal(`No context publishes an event "${type}": there are ${known.sort().join(', ')}.`);
}

export interface ConsumerOptions {
  /** The event's type, such as `lending.book-lent`. */
  readonly event: string;
  /** Who listens. */
  readonly context: string;
  /** Which of its aggregates the event opens, if it has several. */
  readonly aggregate?: string;
}

/**
 * Has a context listen to an event of another: a handler, a command, their tests and the declaration.
 * @returns what to do when the files are on disk.
 * @throws Refusal if that can't be; then nothing is written.
 */
export async function consumer(tree: Tree, options: ConsumerOptions): Promise<() => void> {
  mustBeContext(tree, options.context);
  await addConsumer(tree, { ...options, event: findEvent(tree, options.event) });
  return () => updateWhatFollows(tree.root, { release: false });
}

/** The same for a context that may not be on disk yet. */
export async function addConsumer(
  tree: Tree,
  options: { readonly context: string; readonly event: PublishedEvent; readonly aggregate?: string },
): Promise<void> {
  const { context, event } = options;
  const root = `apps/${context}`;
  const [command, method] = [`Record${wordsOf(event.name).pascal}`, wordsOf(event.name).camel];
  if (event.owner === context) throw new Refusal(`${event.type} is an event of ${context} itself.`);
  const handler = `${root}/src/adapters/driving/events/${event.owner}.handler.ts`;
  const commandFile = `${root}/src/application/commands/record-${event.name}.ts`;
  if (
    tree.exists(commandFile) ||
    (tree.exists(handler) && classIn(parse(handler, read(tree, handler))).getMethod(method))
  ) {
    throw new Refusal(`${context} listens to ${event.type} already.`);
  }
  const aggregate = aggregateToOpen(tree, options);
  const isNewHandler = !tree.exists(handler);

  const rendered = rendererFor([
    ...replacementsFor(context, aggregate),
    { from: OTHER_CONTEXT, to: event.owner },
    { from: EVENT, to: event.name },
  ]);
  const isWanted = (path: string) => isOfConsumer(path) && (isNewHandler || !path.endsWith('.handler.ts'));
  await writeFromTemplate(tree, root, isWanted, rendered);
  const dependency = wordsOf(`record-${event.name}`).camel;
  if (!isNewHandler) {
    await edit(tree, handler, (file) => {
      const contract = wordsOf(event.name).pascal;
      addImport(file, '@atlas/contracts', contract);
      addImport(file, `../../../application/commands/record-${event.name}`, command);
      const of = classIn(file);
      addDependency(of, dependency, command);
      addMember(
        of,
        `@EventPattern<string>(${contract}.type)
        ${method}(@Payload() { subject }: EventOf<typeof ${contract}>): Promise<void> {
          return this.${dependency}.execute(subject);
        }`,
      );
    });
  }
  await edit(tree, `${root}/src/${context}.module.ts`, (file) => {
    const repository = `${wordsOf(aggregate).pascal}Repository`;
    addImport(file, `./application/commands/record-${event.name}`, command);
    addImport(file, '@atlas/ports/application', 'Clock');
    addToList(file, 'commands', `provide(${command}, ${repository}, Clock)`);
    if (!isNewHandler) return;
    const handlerClass = `${wordsOf(event.owner).pascal}Handler`;
    addImport(file, `./adapters/driving/events/${event.owner}.handler`, handlerClass);
    addToProperty(file, 'controllers', handlerClass);
  });
  await addTopic(tree, `${root}/context.json`, `${event.owner}.events`);
  await dropReasonForNoConsumer(tree, event);
}

/** An event that nobody listened to says why in its contract. */
async function dropReasonForNoConsumer(tree: Tree, { owner, name }: PublishedEvent): Promise<void> {
  const path = `${CONTRACTS}/${owner}.ts`;
  const reasonIn = (file: SourceFile) =>
    definitionOf(file.getVariableDeclaration(wordsOf(name).pascal))?.getProperty('unconsumed');
  if (!reasonIn(parse(path, read(tree, path)))) return;
  await edit(tree, path, (file) => reasonIn(file)?.asKindOrThrow(SyntaxKind.PropertyAssignment).remove());
}

/** What is handed to `defineEvent`. */
export const definitionOf = (
  contract: VariableDeclaration | undefined,
): ObjectLiteralExpression | undefined =>
  contract
    ?.getInitializerIfKind(SyntaxKind.CallExpression)
    ?.getArguments()[0]
    ?.asKind(SyntaxKind.ObjectLiteralExpression);

function aggregateToOpen(
  tree: Tree,
  { context, aggregate }: { readonly context: string; readonly aggregate?: string },
): string {
  const open = aggregatesThatOpen(tree, context);
  const [only] = open;
  if (aggregate === undefined && open.length === 1 && only !== undefined) return only;
  if (aggregate !== undefined && open.includes(aggregate)) return aggregate;
  throw new Refusal(
    open.length === 0
      ? `${context} has no aggregate that an event could open, i.e. with a method "static open": write the handler by ` +
          'hand, see docs/where-does-it-go.md.'
      : `Which aggregate of ${context} does the event open? Say so by --aggregate: ${open.join(', ')}.`,
  );
}

async function addTopic(tree: Tree, path: string, topic: string): Promise<void> {
  const declaration = JSON.parse(read(tree, path)) as ContextDeclaration;
  const consumes = [...new Set([...(declaration.topics.consumes ?? []), topic])];
  const next = { ...declaration, topics: { ...declaration.topics, consumes } };
  await writeJson(tree, path, next);
}
