import type { Tree } from '@nx/devkit';
import { SyntaxKind } from 'ts-morph';
import { addImport, addToList, addToProperty, edit, notAsExpected } from './edit';
import { mustBeFreeTable, mustBeName } from './names';
import { Refusal } from './refusal';
import {
  isOfPort,
  PORT,
  portClassIn,
  type Renderer,
  rendererFor,
  replacementsFor,
  writeFromTemplate,
} from './template';
import { parse } from './tidy';
import { mustBeContext, migrationsOf, read, TEMPLATE } from './workspace';
import { wordsOf } from './words';

export interface PortOptions {
  /** What the context needs, in its own words, such as `carrier-rates`. */
  readonly name: string;
  readonly context: string;
}

/**
 * Adds a port to a context, with its contract suite and an adapter in memory that passes it.
 * @throws Refusal if that can't be; then nothing is written.
 */
export async function port(tree: Tree, { name, context }: PortOptions): Promise<void> {
  mustBeName('a port', name, 'carrier-rates');
  mustBeContext(tree, context);
  const root = `apps/${context}`;
  const { pascal, camel } = wordsOf(name);
  const ports = `${root}/src/application/ports.ts`;
  const known = parse(ports, read(tree, ports));
  if (known.getExportedDeclarations().has(pascal)) {
    throw new Refusal(`${ports} has a "${pascal}" already: choose another name.`);
  }
  const rendered = renderedFor(context, name);
  await writeFromTemplate(tree, root, isOfAdapter('memory'), rendered);
  await edit(tree, ports, (file) => {
    file.addStatements(rendered(portClassIn(read(tree, `${TEMPLATE}/src/application/ports.ts`))));
  });
  await edit(tree, `${root}/test/ports.spec.ts`, (file) => {
    addImport(file, `../src/adapters/driven/memory/${name}`, `Memory${pascal}`);
    addImport(file, `./${name}.contract`, `${camel}Contract`);
    addToFixture(file, 'inMemory', `${camel}: new Memory${pascal}(context.unitOfWork)`);
    file.addStatements(`${camel}Contract('in memory', inMemory);`);
  });
}

/**
 * Serves a port that {@link port} has made from PostgreSQL: mapping, adapter, migration, its place in the module, and the
 * port's contract suite.
 * @throws Refusal if that can't be; then nothing is written.
 */
export async function adapter(tree: Tree, { name, context }: PortOptions): Promise<void> {
  mustBeName('a port', name, 'carrier-rates');
  mustBeContext(tree, context);
  const root = `apps/${context}`;
  const { pascal, camel } = wordsOf(name);
  const ports = `${root}/src/application/ports.ts`;
  const methods = parse(ports, read(tree, ports))
    .getClass(pascal)
    ?.getMethods()
    .map((each) => each.getName());
  if (!methods)
    throw new Refusal(
      `${ports} has no port "${pascal}": "npx nx g atlas:port ${name} --context ${context}" adds it.`,
    );
  if (methods.join() !== 'get,set') {
    throw new Refusal(
      `${pascal} has methods of its own (${methods.join(', ')}), so its adapter is to be written by hand: see ` +
        'docs/where-does-it-go.md. A generator serves a port as it was generated.',
    );
  }
  const folder = `${root}/src/adapters/driven/postgres`;
  if (tree.exists(`${folder}/${name}.ts`)) throw new Refusal(`${folder}/${name}.ts exists already.`);

  mustBeFreeTable(tree, wordsOf(name).snake);
  const { migrations, next } = migrationsOf(tree, context);
  const inContext = renderedFor(context, name);
  const rendered = (text: string) => inContext(text).replace(`2-${name}`, `${next}-${name}`);
  await writeFromTemplate(tree, root, isOfAdapter('postgres'), rendered);
  const migration = `${migrations}/${next}-${name}`;
  const type = parse('migration.ts', read(tree, `${migration}.ts`))
    .getClasses()[0]
    ?.getName() as string;
  await edit(tree, `${root}/src/${context}.module.ts`, (file) => {
    addImport(file, './application/ports', pascal);
    addImport(file, `./adapters/driven/postgres/${name}`, `Postgres${pascal}`);
    addImport(file, `./adapters/driven/postgres/${name}.mapping`, `${pascal}Entity`);
    addImport(file, `./adapters/driven/postgres/migrations/${next}-${name}`, type);
    addToList(file, 'ports', `serve(${pascal}, Postgres${pascal}, PostgresUnitOfWork)`);
    addToProperty(file, 'entities', `${pascal}Entity`);
    addToProperty(file, 'migrations', type);
  });
  await edit(tree, `${root}/test/ports.spec.ts`, (file) => {
    addImport(file, '../src/application/ports', pascal);
    addToFixture(file, 'inPostgres', `${camel}: context.get(${pascal})`);
    file.addStatements(`${camel}Contract('in PostgreSQL', inPostgres);`);
  });
}

/** The contract suite belongs to the port, which has its adapter in memory from the start. */
const isOfAdapter =
  (adapter: 'memory' | 'postgres') =>
  (path: string): boolean =>
    isOfPort(path) && path.includes('/postgres/') === (adapter === 'postgres');

const renderedFor = (context: string, name: string): Renderer =>
  rendererFor([...replacementsFor(context, 'unused'), { from: PORT, to: name }]);

/** Adds a property to what `const inMemory = async () => { …; return { … }; }` returns. */
function addToFixture(file: ReturnType<typeof parse>, fixture: string, property: string): void {
  const returned = file
    .getVariableDeclaration(fixture)
    ?.getDescendantsOfKind(SyntaxKind.ReturnStatement)
    .at(-1)
    ?.getExpressionIfKind(SyntaxKind.ObjectLiteralExpression);
  if (!returned) throw notAsExpected(file, `function "${fixture}" that returns an object`);
  const [name = '', initializer = ''] = property.split(/: (.*)/s);
  returned.insertPropertyAssignment(Math.max(0, returned.getProperties().length - 2), { name, initializer });
}
