import type { Tree } from '@nx/devkit';
import { definitionOf } from './consumer';
import { edit } from './edit';
import { UNCONSUMED } from './event';
import { Refusal } from './refusal';
import {
  contextNames,
  CONTRACTS,
  declarations,
  fileOfContract,
  filesBelow,
  mustBeContext,
  read,
  RELEASED,
  updateWhatFollows,
} from './workspace';

/**
 * Removes a context, its contract and its released events.
 * @returns what to do when the files are gone.
 * @throws Refusal if there is no such context, or something else depends on it; then nothing is removed.
 */
export async function remove(tree: Tree, { name }: { readonly name: string }): Promise<() => void> {
  mustBeContext(tree, name);
  const listeners = declarations(tree).filter(({ topics }) => topics?.consumes?.includes(`${name}.events`));
  if (listeners.length > 0) {
    throw new Refusal(
      `${name} can't be removed: ${listeners.map((each) => each.name).join(', ')} ` +
        `listen${listeners.length === 1 ? 's' : ''} to its events.`,
    );
  }
  const user = ['apps', 'libs', 'tools']
    .flatMap((folder) => filesBelow(tree, folder))
    .filter((path) => /\.[cm]?[jt]s$/.test(path) && !path.startsWith(`apps/${name}/`))
    .find((path) => read(tree, path).includes(`../apps/${name}/src/`));
  if (user !== undefined) throw new Refusal(`${name} can't be removed: ${user} imports from apps/${name}.`);

  const heard = eventsHeardBy(tree, name);
  tree.delete(`apps/${name}`);
  tree.delete(`${CONTRACTS}/${name}.ts`);
  for (const file of tree.children(RELEASED).filter((each) => each.startsWith(`${name}.`))) {
    tree.delete(`${RELEASED}/${file}`);
  }
  for (const event of heard) await giveReasonForNoConsumer(tree, event);
  const topics = JSON.parse(read(tree, `${RELEASED}/topics.json`)) as readonly { readonly name: string }[];
  const remaining = topics.filter((topic) => topic.name !== `${name}.events`);
  tree.write(`${RELEASED}/topics.json`, `${JSON.stringify(remaining, undefined, 2)}\n`);

  return () => {
    updateWhatFollows(tree.root, { release: false });
    process.stdout.write(
      `\n${name} is gone from the sources. Its database and topic are data, which this leaves: "npx atlas reset" deletes all.\n`,
    );
  };
}

/** The names of the contracts that a context handles. */
const eventsHeardBy = (tree: Tree, context: string): readonly string[] =>
  filesBelow(tree, `apps/${context}/src/adapters/driving/events`).flatMap((file) =>
    [...read(tree, file).matchAll(/@EventPattern(?:<string>)?\((\w+)\.type\)/g)].map(
      ([, name]) => name as string,
    ),
  );

/** An event that lost its last consumer says so in its contract. */
async function giveReasonForNoConsumer(tree: Tree, event: string): Promise<void> {
  if (contextNames(tree).some((each) => eventsHeardBy(tree, each).includes(event))) return;
  const path = fileOfContract(tree, event);
  if (path === undefined) return;
  await edit(tree, path, (file) =>
    definitionOf(file.getVariableDeclaration(event))?.addPropertyAssignment({
      name: 'unconsumed',
      initializer: `'${UNCONSUMED}'`,
    }),
  );
}
