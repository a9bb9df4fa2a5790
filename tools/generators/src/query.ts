import type { Tree } from '@nx/devkit';
import { addDependency, addImport, addMember, addToList, classIn, edit, notAsExpected } from './edit';
import { mustBeName } from './names';
import { Refusal } from './refusal';
import { render } from './render';
import { AGGREGATE, asInApps, replacementsFor } from './template';
import { parse, writeTidy } from './tidy';
import { aggregateNamed, contextNamed, filesBelow, mustOpen, read, TEMPLATE } from './workspace';
import { pluralOf, wordsOf } from './words';

export interface QueryOptions {
  /** A verb and the aggregate, such as `track-shipment`. */
  readonly name: string;
  readonly context: string;
}

/** The query of the template that is the model of others. */
const MODEL = `get-${AGGREGATE}`;

/**
 * Adds a query that reads one aggregate: the class, its route, and tests of both.
 * @throws Refusal if that can't be; then nothing is written.
 */
export async function query(tree: Tree, { name, context }: QueryOptions): Promise<void> {
  mustBeName('a query', name, 'track-shipment');
  contextNamed(tree, context);
  const root = `apps/${context}`;
  const aggregate = aggregateNamed(tree, context, undefined, name);
  if (!name.endsWith(`-${aggregate}`)) {
    throw new Refusal(
      `"${name}" can't be the name of a query of ${context}: it is a verb and the aggregate, such as "track-${aggregate}".`,
    );
  }
  const file = `${root}/src/application/queries/${name}.ts`;
  if (tree.exists(file)) throw new Refusal(`${file} exists already: choose another name.`);
  mustOpen(tree, context, aggregate);
  const verb = name.slice(0, -aggregate.length - 1);
  const words = wordsOf(aggregate);
  const { pascal, camel } = wordsOf(name);

  // The model's own words, after its context and aggregate have been renamed.
  const renamed: readonly (readonly [string, string])[] = [
    [`get-${aggregate}`, name],
    [`Get${words.pascal}`, pascal],
    [`get${words.pascal}`, camel],
    ['/${id}`', `/\${id}/${verb}\``],
    ["/{id}'", `/{id}/${verb}'`],
    ["@Get(':id')", `@Get(':id/${verb}')`],
    ['Read a ', `${wordsOf(verb).title} a `],
    ['async read', `async ${wordsOf(verb).camel}`],
  ];
  const replacements = replacementsFor(context, aggregate);
  const rendered = (text: string) =>
    renamed.reduce((to, [from, into]) => to.replaceAll(from, into), asInApps(render(text, replacements)));
  for (const source of filesBelow(tree, TEMPLATE).filter((path) => path.includes(`/${MODEL}.`))) {
    const path = source.slice(TEMPLATE.length + 1);
    await writeTidy(tree, `${root}/${rendered(path)}`, rendered(read(tree, source)));
  }
  await edit(tree, `${root}/src/${context}.module.ts`, (module) => {
    addImport(module, `./application/queries/${name}`, pascal);
    addToList(module, 'queries', `provide(${pascal}, ${words.pascal}Repository)`);
  });
  await edit(tree, `${root}/src/adapters/driving/http/${pluralOf(aggregate)}.controller.ts`, (controller) => {
    const path = `${TEMPLATE}/src/adapters/driving/http/${pluralOf(AGGREGATE)}.controller.ts`;
    const model = classIn(parse(path, read(tree, path)));
    for (const imported of ['Get', 'Param']) addImport(controller, '@nestjs/common', imported);
    addImport(controller, '@atlas/service', 'notFound');
    addImport(controller, `../../../application/queries/${name}`, pascal);
    addDependency(classIn(controller), camel, pascal);
    addMember(classIn(controller), rendered(model.getMethodOrThrow('read').getText()));
    if (!controller.getText().includes(`to${words.pascal}Response`)) {
      throw notAsExpected(controller, `import of to${words.pascal}Response`);
    }
  });
}
