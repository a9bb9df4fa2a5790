import type { Tree } from '@nx/devkit';
import { addDependency, addImport, addMember, classIn, edit, notAsExpected } from './edit';
import { mustBeName } from './names';
import { Refusal } from './refusal';
import { AGGREGATE, rendererFor, type Renderer, replacementsFor, writeFromTemplate } from './template';
import { parse } from './tidy';
import { aggregateNamed, mustBeContext, mustOpen, read, TEMPLATE } from './workspace';
import { pluralOf, type Words, wordsOf } from './words';

/** A command or query that is to be added. */
export interface UseCase {
  readonly context: string;
  /** The context's folder. */
  readonly root: string;
  readonly aggregate: string;
  /** The spellings of its own name, of its aggregate's, and of the verb in it. */
  readonly words: Words;
  readonly aggregateWords: Words;
  readonly verb: Words;
}

/**
 * @param kind the words for it: in a sentence, and its folder.
 * @throws Refusal if a context can't have a use case of this name.
 */
export function useCaseNamed(
  tree: Tree,
  { name, context }: { readonly name: string; readonly context: string },
  { kind, folder, example }: { readonly kind: string; readonly folder: string; readonly example: string },
): UseCase {
  mustBeName(`a ${kind}`, name, example);
  mustBeContext(tree, context);
  const root = `apps/${context}`;
  const aggregate = aggregateNamed(tree, context, undefined, name);
  if (!name.endsWith(`-${aggregate}`)) {
    const verb = example.split('-')[0];
    throw new Refusal(
      `"${name}" can't be the name of a ${kind} of ${context}: it is a verb and the aggregate, such as "${verb}-${aggregate}".`,
    );
  }
  const file = `${root}/src/application/${folder}/${name}.ts`;
  if (tree.exists(file)) throw new Refusal(`${file} exists already: choose another name.`);
  mustOpen(tree, context, aggregate);
  const verb = wordsOf(name.slice(0, -aggregate.length - 1));
  return { context, root, aggregate, words: wordsOf(name), aggregateWords: wordsOf(aggregate), verb };
}

/**
 * Writes the files of a use case as those of one in the template.
 * @param model the verb of that one, such as `close`.
 * @param renamed what else changes its name once context and aggregate have theirs, in this order.
 * @returns what renders a text of the template.
 */
export async function writeUseCase(
  tree: Tree,
  { context, root, aggregate }: UseCase,
  model: string,
  renamed: readonly (readonly [from: string, to: string])[],
): Promise<Renderer> {
  const inContext = rendererFor(replacementsFor(context, aggregate));
  const rendered = (text: string) =>
    renamed.reduce((to, [from, into]) => to.replaceAll(from, into), inContext(text));
  await writeFromTemplate(tree, root, (path) => path.includes(`/${model}-${AGGREGATE}.`), rendered);
  return rendered;
}

/** Adds the route of a use case to its aggregate's controller, as the template's has it. */
export async function addRoute(
  tree: Tree,
  { root, aggregate, aggregateWords, words }: UseCase,
  route: {
    /** The folder of the use case. */
    readonly folder: string;
    /** The method of the template's controller. */
    readonly model: string;
    readonly rendered: Renderer;
    /** Names that it needs, by module. */
    readonly imports: Readonly<Record<string, readonly string[]>>;
  },
): Promise<void> {
  const controllerOf = (name: string) => `src/adapters/driving/http/${pluralOf(name)}.controller.ts`;
  const template = `${TEMPLATE}/${controllerOf(AGGREGATE)}`;
  const model = classIn(parse(template, read(tree, template))).getMethodOrThrow(route.model);
  await edit(tree, `${root}/${controllerOf(aggregate)}`, (controller) => {
    const response = `to${aggregateWords.pascal}Response`;
    const imported = controller.getImportDeclarations().flatMap((each) => each.getNamedImports());
    if (!imported.some((each) => each.getName() === response)) {
      throw notAsExpected(controller, `import of ${response}`);
    }
    for (const [module, names] of Object.entries(route.imports)) {
      for (const name of names) addImport(controller, module, name);
    }
    addImport(controller, `../../../application/${route.folder}/${words.kebab}`, words.pascal);
    addDependency(classIn(controller), words.camel, words.pascal);
    addMember(classIn(controller), route.rendered(model.getText()));
  });
}
