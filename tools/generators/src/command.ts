import type { Tree } from '@nx/devkit';
import { SyntaxKind } from 'ts-morph';
import {
  addDependency,
  addImport,
  addMember,
  addToList,
  addToProperty,
  classIn,
  edit,
  notAsExpected,
} from './edit';
import { addEvent } from './event';
import { mustBeName } from './names';
import { Refusal } from './refusal';
import { render } from './render';
import { AGGREGATE, asInApps, replacementsFor } from './template';
import { parse, writeTidy } from './tidy';
import {
  aggregateNamed,
  contextNamed,
  filesBelow,
  mustOpen,
  read,
  TEMPLATE,
  updateWhatFollows,
} from './workspace';
import { articleOf, pastOf, pluralOf, wordsOf } from './words';

export interface CommandOptions {
  /** A verb and the aggregate, such as `archive-shipment`. */
  readonly name: string;
  readonly context: string;
  /** What it causes; default: the aggregate and the verb's past, such as `shipment-archived`. */
  readonly event?: string;
}

/** The command of the template that is the model of others. */
const MODEL = `close-${AGGREGATE}`;

/**
 * Adds a command that moves an aggregate to a new status: the transition, its event, the use case, the route, the
 * migration, and tests of each.
 * @returns what to do when the files are on disk.
 * @throws Refusal if that can't be; then nothing is written.
 */
export async function command(tree: Tree, { name, context, event }: CommandOptions): Promise<() => void> {
  mustBeName('a command', name, 'archive-shipment');
  contextNamed(tree, context);
  const root = `apps/${context}`;
  const aggregate = aggregateNamed(tree, context, undefined, name);
  if (!name.endsWith(`-${aggregate}`)) {
    throw new Refusal(
      `"${name}" can't be the name of a command of ${context}: it is a verb and the aggregate, such as "archive-${aggregate}".`,
    );
  }
  const file = `${root}/src/application/commands/${name}.ts`;
  if (tree.exists(file)) throw new Refusal(`${file} exists already: choose another name.`);
  mustOpen(tree, context, aggregate);
  const verb = name.slice(0, -aggregate.length - 1);
  const happened = event ?? `${aggregate}-${pastOf(verb)}`;
  const status = happened.startsWith(`${aggregate}-`) ? happened.slice(aggregate.length + 1) : happened;

  await addTransition(tree, { root, aggregate, verb, status, happened });
  await addEvent(tree, { name: happened, context, aggregate });
  await addMigration(tree, { root, context, aggregate, happened });

  // The model's own words, after its context and aggregate have been renamed.
  const words = wordsOf(aggregate);
  const renamed: readonly (readonly [string, string])[] = [
    [`${aggregate}-closed`, happened],
    [`close-${aggregate}`, name],
    [`Close${words.pascal}`, wordsOf(name).pascal],
    [`close${words.pascal}`, wordsOf(name).camel],
    ['.close(', `.${wordsOf(verb).camel}(`],
    ['/close', `/${verb}`],
    [`'closed'`, `'${status}'`],
    ['Close a ', `${wordsOf(verb).title} a `],
    ['async close', `async ${wordsOf(verb).camel}`],
  ];
  const replacements = replacementsFor(context, aggregate);
  const rendered = (text: string) =>
    renamed.reduce((to, [from, into]) => to.replaceAll(from, into), asInApps(render(text, replacements)));
  for (const source of filesBelow(tree, TEMPLATE).filter((path) => path.includes(`/${MODEL}.`))) {
    const path = source.slice(TEMPLATE.length + 1);
    await writeTidy(tree, `${root}/${rendered(path)}`, rendered(read(tree, source)));
  }
  const { pascal, camel } = wordsOf(name);
  await edit(tree, `${root}/src/${context}.module.ts`, (module) => {
    addImport(module, `./application/commands/${name}`, pascal);
    addImport(module, '@atlas/ports/application', 'Clock');
    addToList(module, 'commands', `provide(${pascal}, ${words.pascal}Repository, Clock)`);
  });
  const plural = pluralOf(aggregate);
  await edit(tree, `${root}/src/adapters/driving/http/${plural}.controller.ts`, (controller) => {
    const model = parse(
      'controller.ts',
      read(tree, `${TEMPLATE}/src/adapters/driving/http/support-cases.controller.ts`),
    );
    const text = rendered(classIn(model).getMethodOrThrow('close').getText());
    for (const imported of ['HttpCode', 'Param', 'Post']) addImport(controller, '@nestjs/common', imported);
    for (const imported of ['Idempotent', 'notFound']) addImport(controller, '@atlas/service', imported);
    addImport(controller, `../../../application/commands/${name}`, pascal);
    addDependency(classIn(controller), camel, pascal);
    addMember(classIn(controller), text);
    if (!controller.getText().includes(`to${words.pascal}Response,`)) {
      throw notAsExpected(controller, `import of to${words.pascal}Response`);
    }
  });
  return () => {
    updateWhatFollows(tree.root, { release: true });
    process.stdout.write(
      `\nPOST /${plural}/{id}/${verb} makes ${articleOf(words.prose)} ${words.prose} ${wordsOf(status).prose}, whatever it was ` +
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
  const folder = `${root}/src/adapters/driven/postgres/migrations`;
  const name = `${tree.children(folder).length + 1}-${happened}`;
  const type = `${wordsOf(happened).pascal}${Date.now()}`;
  const constraint = `${table}_status_check`;
  const alter = (allowed: readonly string[]) =>
    `ALTER TABLE ${table} DROP CONSTRAINT ${constraint},
        ADD CONSTRAINT ${constraint} CHECK (status IN (${allowed.join(', ')}));`;
  await writeTidy(
    tree,
    `${folder}/${name}.ts`,
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
