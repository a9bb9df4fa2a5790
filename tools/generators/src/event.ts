import type { Tree } from '@nx/devkit';
import { type SourceFile, SyntaxKind } from 'ts-morph';
import { addImport, edit, notAsExpected } from './edit';
import { mustBeName } from './names';
import { Refusal } from './refusal';
import { parse } from './tidy';
import {
  aggregateNamed,
  CONTRACTS,
  fileOfContract,
  mustBeContext,
  read,
  updateWhatFollows,
} from './workspace';
import { wordsOf } from './words';

/** Why no context listens to a new event; the architecture tests ask for a reason. */
export const UNCONSUMED = 'No context listens to it yet.';

export interface EventOptions {
  /** Without the context, such as `shipment-lost`. */
  readonly name: string;
  /** Who publishes it. */
  readonly context: string;
  /** Which of its aggregates it happens to, if it has several. */
  readonly aggregate?: string;
}

/**
 * Adds an event to a context: its contract with an example, the domain event and the translation. The method that causes
 * it remains to be written.
 * @returns what to do when the files are on disk: release it, and describe it in the AsyncAPI document.
 * @throws Refusal if that can't be; then nothing is written.
 */
export async function event(tree: Tree, options: EventOptions): Promise<() => void> {
  mustBeContext(tree, options.context);
  const aggregate = aggregateNamed(tree, options.context, options.aggregate, options.name);
  await addEvent(tree, { ...options, aggregate });
  return () => updateWhatFollows(tree.root, { release: true });
}

export async function addEvent(tree: Tree, options: Required<EventOptions>): Promise<void> {
  const { name, context, aggregate } = options;
  mustBeName('an event', name, `${aggregate}-moved`);
  const { pascal } = wordsOf(name);
  const taken = fileOfContract(tree, pascal);
  if (taken) throw new Refusal(`${taken} has an event ${pascal} already: choose another name.`);

  const contracts = `${CONTRACTS}/${context}.ts`;
  const id = idOf(parse(contracts, read(tree, contracts)));
  await edit(tree, contracts, (file) => {
    file.addStatements(`
      export const ${pascal} = defineEvent({
        ...${partsOf(file, aggregate)},
        type: '${context}.${name}',
        data: z.object({ ${id}: z.uuid() }),
        examples: [{ ${id} }],
        unconsumed: '${UNCONSUMED}',
      });`);
  });
  await edit(tree, `apps/${context}/src/domain/${aggregate}-events.ts`, (file) => {
    const alias = file.getTypeAlias(`${wordsOf(aggregate).pascal}Event`);
    if (!alias) throw notAsExpected(file, `type ${wordsOf(aggregate).pascal}Event`);
    alias.setType(`${alias.getTypeNodeOrThrow().getText()} | { readonly type: '${name}' }`);
  });
  await edit(tree, `apps/${context}/src/adapters/driven/events/published-events.ts`, (file) => {
    const translation = file.getDescendantsOfKind(SyntaxKind.SwitchStatement)[0];
    const binding = file
      .getDescendantsOfKind(SyntaxKind.BindingElement)
      .find((each) => each.getPropertyNameNode()?.getText() === 'id');
    if (!translation || !binding) throw notAsExpected(file, 'switch by type with the id of its aggregate');
    const local = binding.getName();
    const data = local === id ? id : `${id}: ${local}`;
    const clauses = translation.getCaseBlock();
    const text = clauses.getText();
    clauses.replaceWithText(
      `${text.slice(0, -1)}case '${name}':\nreturn { contract: ${pascal}, data: { ${data} } };\n}`,
    );
    addImport(file, '@atlas/contracts', pascal);
  });
}

/** The constant that says what a context's events have in common: version, owner and aggregate. */
function partsOf(file: SourceFile, aggregate: string): string {
  const found = file
    .getVariableDeclarations()
    .find(
      (each) => each.getInitializer()?.getText().includes(`aggregate: '${aggregate}'`) && !each.isExported(),
    );
  if (!found) throw notAsExpected(file, `constant with "aggregate: '${aggregate}'"`);
  return found.getName();
}

/** The constant with the id in a context's examples, which is also what its events call it. */
function idOf(file: SourceFile): string {
  const found = file.getVariableDeclarations().find((each) => /^\w+Id$/.test(each.getName()));
  if (!found) throw notAsExpected(file, 'constant with the id in its examples');
  return found.getName();
}
