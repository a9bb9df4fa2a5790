import type { Tree } from '@nx/devkit';
import { SyntaxKind } from 'ts-morph';
import { addImport, addMember, addToList, addToProperty, classIn, edit, notAsExpected } from './edit';
import { addEvent } from './event';
import { Refusal } from './refusal';
import { parse, writeTidy } from './tidy';
import { addRoute, useCaseNamed, writeUseCase } from './use-case';
import { migrationsOf, read, updateWhatFollows } from './workspace';
import { articleOf, pastOf, pluralOf, wordsOf } from './words';

export interface CommandOptions {
  /** A verb and the aggregate, such as `archive-shipment`. */
  readonly name: string;
  readonly context: string;
  /** What it causes; default: the aggregate and the verb's past, such as `shipment-archived`. */
  readonly event?: string;
}

/**
 * Adds a command that moves an aggregate to a new status: the transition, its event, the use case, the route, the
 * migration, and tests of each.
 * @returns what to do when the files are on disk.
 * @throws Refusal if that can't be; then nothing is written.
 */
export async function command(tree: Tree, { name, context, event }: CommandOptions): Promise<() => void> {
  const folder = 'commands';
  const useCase = useCaseNamed(
    tree,
    { name, context },
    { kind: 'command', folder, example: 'archive-shipment' },
  );
  const { root, aggregate, aggregateWords, verb, words } = useCase;
  const happened = event ?? `${aggregate}-${pastOf(verb.kebab)}`;
  const status = happened.startsWith(`${aggregate}-`) ? happened.slice(aggregate.length + 1) : happened;

  await addTransition(tree, { root, aggregate, verb: verb.kebab, status, happened });
  await addEvent(tree, { name: happened, context, aggregate });
  await addMigration(tree, { root, context, aggregate, happened });

  const rendered = await writeUseCase(tree, useCase, 'close', [
    [`${aggregate}-closed`, happened],
    [`close-${aggregate}`, name],
    [`Close${aggregateWords.pascal}`, words.pascal],
    [`close${aggregateWords.pascal}`, words.camel],
    ['.close(', `.${verb.camel}(`],
    ['/close', `/${verb.kebab}`],
    [`'closed'`, `'${status}'`],
    ['Close a ', `${verb.title} a `],
    ['async close', `async ${verb.camel}`],
  ]);
  await edit(tree, `${root}/src/${context}.module.ts`, (module) => {
    addImport(module, `./application/commands/${name}`, words.pascal);
    addImport(module, '@atlas/ports/application', 'Clock');
    addToList(module, 'commands', `provide(${words.pascal}, ${aggregateWords.pascal}Repository, Clock)`);
  });
  await addRoute(tree, useCase, {
    folder,
    model: 'close',
    rendered,
    imports: {
      '@nestjs/common': ['HttpCode', 'Param', 'Post'],
      '@atlas/service': ['Idempotent', 'notFound'],
    },
  });
  return () => {
    updateWhatFollows(tree.root, { release: true });
    const { prose } = aggregateWords;
    process.stdout.write(
      `\nPOST /${pluralOf(aggregate)}/{id}/${verb.kebab} makes ${articleOf(prose)} ${prose} ${wordsOf(status).prose}, whatever it was ` +
        `before: the rules in ${root}/src/domain/${aggregate}.ts are yours to write.\n`,
    );
  };
}

async function addTransition(
  tree: Tree,
  of: { root: string; aggregate: string; verb: string; status: string; happened: string },
): Promise<void> {
  const { root, aggregate, verb, status, happened } = of;
  const { pascal, constant } = wordsOf(aggregate);
  const method = wordsOf(verb).camel;
  await edit(tree, `${root}/src/domain/${aggregate}.ts`, (file) => {
    const type = classIn(file, pascal);
    const become = type.getMethod('become');
    const change = file.getTypeAlias(`${pascal}Change`);
    const [first, at] = become?.getParameters().map((each) => each.getTypeNode()?.getText()) ?? [];
    if (!become || !change || first === undefined || at !== 'Date') {
      throw notAsExpected(file, `method become(status, at) and type ${pascal}Change`);
    }
    if (type.getMethod(method))
      throw new Refusal(`${pascal} has a method "${method}" already: choose another name.`);
    const statuses = file
      .getVariableDeclaration(`${constant}_STATUSES`)
      ?.getDescendantsOfKind(SyntaxKind.ArrayLiteralExpression)[0];
    if (!statuses) throw notAsExpected(file, `list ${constant}_STATUSES`);
    if (statuses.getElements().some((each) => each.getText() === `'${status}'`)) {
      throw new Refusal(`${pascal} has the status "${status}" already: name what happens by --event.`);
    }
    statuses.addElement(`'${status}'`);
    addMember(
      type,
      `${method}(at: Date): ${pascal}Change {
        if (this.state.status === '${status}') return unchanged(this);
        return changed(this.become('${status}', at), { type: '${happened}' });
      }`,
      'private become',
    );
  });
  const spec = `${root}/src/domain/${aggregate}.spec.ts`;
  if (!tree.exists(spec) || !read(tree, spec).includes('const TRANSITIONS = [')) return;
  await edit(tree, spec, (file) => addToList(file, 'TRANSITIONS', `'${method}'`));
}

/** The table accepts the new status. */
async function addMigration(
  tree: Tree,
  of: { root: string; context: string; aggregate: string; happened: string },
): Promise<void> {
  const { root, context, aggregate, happened } = of;
  const mapping = read(tree, `${root}/src/adapters/driven/postgres/${aggregate}.mapping.ts`);
  const table = /tableName: '(\w+)'/.exec(mapping)?.[1];
  if (table === undefined) throw new Refusal(`${root} has no table for ${aggregate}.`);
  const domain = parse('domain.ts', read(tree, `${root}/src/domain/${aggregate}.ts`));
  const statuses = domain
    .getVariableDeclarationOrThrow(`${wordsOf(aggregate).constant}_STATUSES`)
    .getDescendantsOfKind(SyntaxKind.ArrayLiteralExpression)[0]
    ?.getElements()
    .map((each) => each.getText()) as readonly string[];
  const { migrations, next } = migrationsOf(tree, context);
  const name = `${next}-${happened}`;
  const type = `${wordsOf(happened).pascal}${Date.now()}`;
  const constraint = `${table}_status_check`;
  const alter = (allowed: readonly string[]) =>
    `ALTER TABLE ${table} DROP CONSTRAINT ${constraint},
        ADD CONSTRAINT ${constraint} CHECK (status IN (${allowed.join(', ')}));`;
  await writeTidy(
    tree,
    `${migrations}/${name}.ts`,
    `import type { MigrationInterface, QueryRunner } from 'typeorm';

    export class ${type} implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(\`
      ${alter(statuses)}
    \`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(\`
      ${alter(statuses.slice(0, -1))}
    \`);
  }
}
`,
  );
  await edit(tree, `${root}/src/${context}.module.ts`, (file) => {
    addImport(file, `./adapters/driven/postgres/migrations/${name}`, type);
    addToProperty(file, 'migrations', type);
  });
}
