import type { ContextDeclaration } from '@atlas/context';
import type { Tree } from '@nx/devkit';
import { addConsumer, findEvent, type PublishedEvent } from './consumer';
import { aggregateOf, mustBeFreeAggregate, mustBeFreeContext, mustNotMeetOtherNames } from './names';
import { render } from './render';
import { asInApps, isOfConsumer, isOfPort, replacementsFor, withoutOptional } from './template';
import { writeJson, writeTidy } from './tidy';
import { CONTRACTS, declarations, filesBelow, read, TEMPLATE, updateWhatFollows } from './workspace';
import { articleOf, pluralOf, wordsOf } from './words';

export interface ContextOptions {
  readonly name: string;
  /** Singular; default: the singular of the context's name, or a case of it. */
  readonly aggregate?: string;
  /** Types of events of other contexts, separated by commas. */
  readonly listens?: string;
}

/** The lowest free pair of default ports: a service's, and ten above it, its relay's. */
export function freePorts(taken: ReadonlySet<number>): readonly [service: number, relay: number] {
  for (let tens = 4_000; ; tens += 20) {
    for (let port = tens + 1; port < tens + 10; port++) {
      if (!taken.has(port) && !taken.has(port + 10)) return [port, port + 10];
    }
  }
}

/**
 * Writes a new context, its contract and its declaration; what follows from them is written when the files are on disk.
 * @returns what to do when they are.
 * @throws Refusal if there can't be such a context; then nothing is written.
 */
export async function context(tree: Tree, options: ContextOptions): Promise<() => void> {
  const { name, aggregate = aggregateOf(name) } = options;
  mustBeFreeContext(tree, name);
  mustBeFreeAggregate(tree, aggregate);
  const replacements = replacementsFor(name, aggregate);
  const rename = (text: string) => render(text, replacements);
  mustNotMeetOtherNames(tree, rename, { context: name, aggregate });
  const listens = eventsOf(tree, options.listens);

  const sources = filesBelow(tree, TEMPLATE).filter((path) => !isOfConsumer(path) && !isOfPort(path));
  for (const source of sources) {
    const path = source.slice(TEMPLATE.length + 1);
    if (path === 'language.ts' || path.endsWith('.json')) continue;
    const target = path === 'contract.ts' ? `${CONTRACTS}/${name}.ts` : `apps/${name}/${rename(path)}`;
    await writeTidy(tree, target, asInApps(rename(withoutOptional(read(tree, source)))));
  }
  await writeDeclaration(tree, name, aggregate);
  await writeProject(tree, name);
  for (const event of listens) await addConsumer(tree, { context: name, event });

  return () => {
    updateWhatFollows(tree.root, { release: true });
    const { prose } = wordsOf(aggregate);
    process.stdout.write(
      `\n${name} is complete: ${articleOf(prose)} ${prose} can be opened, closed, read and listed. "npm start" shows it ` +
        `on the map, "npm test" tests it; the business in apps/${name}/src/domain is yours to write.\n`,
    );
  };
}

function eventsOf(tree: Tree, listens = ''): readonly PublishedEvent[] {
  const types = listens.split(',').map((type) => type.trim());
  return [...new Set(types.filter((type) => type !== ''))].map((type) => findEvent(tree, type));
}

async function writeDeclaration(tree: Tree, name: string, aggregate: string): Promise<void> {
  const taken = declarations(tree).flatMap(({ processes }) =>
    Object.values(processes ?? {}).map(({ port }) => port),
  );
  const [port, relayPort] = freePorts(new Set(taken));
  const plural = wordsOf(pluralOf(aggregate)).prose;
  const declaration: ContextDeclaration = {
    ...(JSON.parse(read(tree, `${TEMPLATE}/context.json`)) as ContextDeclaration),
    name,
    title: wordsOf(name).title,
    description: `Opens ${plural} and closes them.`,
    database: wordsOf(name).snake,
    topics: { publishes: `${name}.events` },
    processes: { [name]: { port }, [`${name}-relay`]: { port: relayPort, app: 'outbox-relay' } },
  };
  const path = `apps/${name}/context.json`;
  await writeJson(tree, path, declaration);
}

async function writeProject(tree: Tree, name: string): Promise<void> {
  const project = {
    ...(JSON.parse(read(tree, `${TEMPLATE}/project.json`)) as object),
    name,
    sourceRoot: `apps/${name}/src`,
    tags: ['layer:app'],
    targets: { build: {}, lint: {}, test: {}, serve: {} },
  };
  const path = `apps/${name}/project.json`;
  await writeJson(tree, path, project);
}
