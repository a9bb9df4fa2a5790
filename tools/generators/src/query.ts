import type { Tree } from '@nx/devkit';
import { addImport, addToList, edit } from './edit';
import { addRoute, useCaseNamed, writeUseCase } from './use-case';

export interface QueryOptions {
  /** A verb and the aggregate, such as `track-shipment`. */
  readonly name: string;
  readonly context: string;
}

/**
 * Adds a query that reads one aggregate: the class, its route, and tests of both.
 * @throws Refusal if that can't be; then nothing is written.
 */
export async function query(tree: Tree, options: QueryOptions): Promise<void> {
  const folder = 'queries';
  const useCase = useCaseNamed(tree, options, { kind: 'query', folder, example: 'track-shipment' });
  const { root, context, aggregate, aggregateWords, verb, words } = useCase;
  const rendered = await writeUseCase(tree, useCase, 'get', [
    [`get-${aggregate}`, words.kebab],
    [`Get${aggregateWords.pascal}`, words.pascal],
    [`get${aggregateWords.pascal}`, words.camel],
    ['/${id}`', `/\${id}/${verb.kebab}\``],
    ["/{id}'", `/{id}/${verb.kebab}'`],
    ["@Get(':id')", `@Get(':id/${verb.kebab}')`],
    ['Read a ', `${verb.title} a `],
    ['async read', `async ${verb.camel}`],
  ]);
  await edit(tree, `${root}/src/${context}.module.ts`, (module) => {
    addImport(module, `./application/queries/${words.kebab}`, words.pascal);
    addToList(module, 'queries', `provide(${words.pascal}, ${aggregateWords.pascal}Repository)`);
  });
  await addRoute(tree, useCase, {
    folder,
    model: 'read',
    rendered,
    imports: { '@nestjs/common': ['Get', 'Param'], '@atlas/service': ['notFound'] },
  });
}
