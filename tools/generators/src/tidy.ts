import type { Tree } from '@nx/devkit';
import { format, type Options } from 'prettier';
import { Project, type SourceFile } from 'ts-morph';

/** A file for changes of its syntax; {@link print} gives its text. */
export function parse(path: string, text: string): SourceFile {
  const project = new Project({ useInMemoryFileSystem: true, skipLoadingLibFiles: true });
  return project.createSourceFile(path, text);
}

/** The order of imports in this repository: Node, Nest, Atlas, other packages, files. */
function rankOf(module: string): number {
  if (module.startsWith('node:')) return 0;
  if (module.startsWith('@nestjs/')) return 1;
  if (module.startsWith('@atlas/')) return 2;
  return module.startsWith('.') ? 4 : 3;
}

const byText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

const bare = (name: string): string => name.replace(/^type /, '');

/**
 * The text with its imports sorted, and the names in each; imports of the same module are joined. It still needs
 * {@link formatted}.
 */
export function print(file: SourceFile): string {
  const text = file.getFullText();
  const imports = file.getImportDeclarations();
  const [first, last] = [imports[0], imports.at(-1)];
  // A comment among them would be lost.
  if (!first || !last || imports.slice(1).some((each) => each.getLeadingCommentRanges().length > 0))
    return text;
  const named = new Map<string, Set<string>>();
  const others: (readonly [module: string, line: string])[] = [];
  for (const each of imports) {
    const module = each.getModuleSpecifierValue();
    const names = each.getNamedImports().map((name) => name.getText());
    if (names.length === 0) others.push([module, each.getText()]);
    const typed = each.isTypeOnly() ? names.map((name) => `type ${name}`) : names;
    if (names.length > 0) named.set(module, new Set([...(named.get(module) ?? []), ...typed]));
  }
  const lines = [
    ...others,
    ...Array.from(named, ([module, names]) => [module, lineOf(module, names)] as const),
  ];
  lines.sort(([a], [b]) => rankOf(a) - rankOf(b) || byText(a, b));
  return (
    text.slice(0, first.getStart()) + lines.map(([, line]) => line).join('\n') + text.slice(last.getEnd())
  );
}

function lineOf(module: string, names: ReadonlySet<string>): string {
  const sorted = [...names].sort((a, b) => byText(bare(a).toLowerCase(), bare(b).toLowerCase()));
  return sorted.every((name) => name !== bare(name))
    ? `import type { ${sorted.map(bare).join(', ')} } from '${module}';`
    : `import { ${sorted.join(', ')} } from '${module}';`;
}

/** As the repository's Prettier formats it. */
export async function formatted(tree: Tree, path: string, text: string): Promise<string> {
  const options = JSON.parse(tree.read('.prettierrc.json', 'utf8') ?? '{}') as Options;
  return format(text, { ...options, filepath: path });
}

/** Writes a file, its imports sorted and formatted. */
export async function writeTidy(tree: Tree, path: string, text: string): Promise<void> {
  const sorted = path.endsWith('.ts') ? print(parse(path, text)) : text;
  tree.write(path, await formatted(tree, path, sorted));
}

/** Writes a file of JSON, formatted. */
export async function writeJson(tree: Tree, path: string, value: object): Promise<void> {
  tree.write(path, await formatted(tree, path, JSON.stringify(value, undefined, 2)));
}
