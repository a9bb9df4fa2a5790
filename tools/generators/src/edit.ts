import type { Tree } from '@nx/devkit';
import { type ArrayLiteralExpression, type ClassDeclaration, type SourceFile, SyntaxKind } from 'ts-morph';
import { Refusal } from './refusal';
import { formatted, parse, print } from './tidy';
import { read } from './workspace';

/**
 * Changes an existing TypeScript file by its syntax.
 * @throws Refusal, by `change`, if the file isn't as it must be.
 */
export async function edit(tree: Tree, path: string, change: (file: SourceFile) => void): Promise<void> {
  const file = parse(path, read(tree, path));
  change(file);
  tree.write(path, await formatted(tree, path, print(file)));
}

/** For a place that isn't as a generator needs it. */
export const notAsExpected = (file: SourceFile, what: string): Refusal =>
  new Refusal(
    `${file.getFilePath().slice(1)} has no ${what}, where this would be added: write it by hand, see docs/where-does-it-go.md.`,
  );

/** Imports a name, unless the file does so already. */
export function addImport(file: SourceFile, module: string, name: string): void {
  const existing = file.getImportDeclaration(
    (each) => each.getModuleSpecifierValue() === module && each.getNamedImports().length > 0,
  );
  const bare = name.replace(/^type /, '');
  if (existing?.getNamedImports().some((each) => each.getName() === bare)) return;
  if (!existing) {
    const isTypeOnly = bare !== name;
    file.addImportDeclaration({ moduleSpecifier: module, namedImports: [bare], isTypeOnly });
    return;
  }
  existing.addNamedImport(existing.isTypeOnly() ? bare : name);
}

/** Adds an element to `const commands = [ … ]`, wherever that stands; `as const` may follow. */
export function addToList(file: SourceFile, name: string, element: string): void {
  const value = file
    .getDescendantsOfKind(SyntaxKind.VariableDeclaration)
    .find((each) => each.getName() === name)
    ?.getInitializer();
  const list = value?.asKind(SyntaxKind.AsExpression)?.getExpression() ?? value;
  add(list?.asKind(SyntaxKind.ArrayLiteralExpression), file, name, element);
}

/** Adds an element to `controllers: [ … ]`, wherever that stands. */
export function addToProperty(file: SourceFile, name: string, element: string): void {
  add(
    file
      .getDescendantsOfKind(SyntaxKind.PropertyAssignment)
      .find((each) => each.getName() === name)
      ?.getInitializer()
      ?.asKind(SyntaxKind.ArrayLiteralExpression),
    file,
    name,
    element,
  );
}

function add(
  list: ArrayLiteralExpression | undefined,
  file: SourceFile,
  name: string,
  element: string,
): void {
  if (!list) throw notAsExpected(file, `list "${name}"`);
  if (!list.getElements().some((each) => each.getText() === element)) list.addElement(element);
}

/** The file's one class, or the one with this name. */
export function classIn(file: SourceFile, name?: string): ClassDeclaration {
  const found = name === undefined ? file.getClasses()[0] : file.getClass(name);
  if (!found) throw notAsExpected(file, name === undefined ? 'class' : `class ${name}`);
  return found;
}

/** Adds `private readonly name: Type` to a class's constructor, unless it is there. */
export function addDependency(of: ClassDeclaration, name: string, type: string): void {
  const constructor = of.getConstructors()[0];
  if (!constructor) throw notAsExpected(of.getSourceFile(), `constructor of ${of.getName()}`);
  if (constructor.getParameter(name)) return;
  constructor.addParameter({ name, type, isReadonly: true, scope: 'private' as never });
}

/** Adds a member's text at the end of a class. */
export function addMember(to: ClassDeclaration, text: string, before?: string): void {
  const index =
    before === undefined ? -1 : to.getMembers().findIndex((each) => each.getText().includes(before));
  if (index < 0) to.addMember(`\n${text}`);
  else to.insertMember(index, `${text}\n`);
}
