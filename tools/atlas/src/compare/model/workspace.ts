import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, posix, relative, sep } from 'node:path';
import { Node, Project, type SourceFile } from 'ts-morph';
import type { Adr, Source } from './model';

/** A file's text by its path in the workspace; null: the file doesn't exist. */
export type Overlay = Readonly<Record<string, string | null>>;

/**
 * The sources of a workspace, parsed file by file as they are asked for. Names are resolved by imports alone, without
 * the type checker, which would have to load all packages.
 */
export class Workspace {
  private readonly project = new Project({
    skipAddingFilesFromTsConfig: true,
    skipFileDependencyResolution: true,
    skipLoadingLibFiles: true,
    compilerOptions: { allowJs: false },
  });
  private readonly paths: readonly (readonly [pattern: RegExp, target: string])[];
  private readonly resolved = new Map<string, Node | undefined>();
  private adrsRead: ReadonlyMap<number, Adr> | undefined;

  /** @param overlay files that differ from those in `root`, for tests. */
  constructor(
    readonly root: string,
    private readonly overlay: Overlay = {},
  ) {
    const config = this.text('tsconfig.base.json');
    const { compilerOptions = {} } = (config === undefined ? {} : JSON.parse(config)) as {
      compilerOptions?: { paths?: Record<string, readonly string[]> };
    };
    this.paths = Object.entries(compilerOptions.paths ?? {}).map(([alias, [target = '']]) => [
      new RegExp(`^${alias.replaceAll('.', '\\.').replace('*', '(.+)')}$`),
      posix.normalize(target).replace('*', '$1'),
    ]);
  }

  /** @returns undefined if there is no such file. */
  text(path: string): string | undefined {
    const replaced = this.overlay[path];
    if (replaced !== undefined) return replaced ?? undefined;
    const file = join(this.root, path);
    return existsSync(file) ? readFileSync(file, 'utf8') : undefined;
  }

  json<Shape>(path: string): Shape | undefined {
    const text = this.text(path);
    return text === undefined ? undefined : (JSON.parse(text) as Shape);
  }

  /** All files in a folder and its folders, sorted. */
  list(folder: string, ending = '.ts'): readonly string[] {
    const path = join(this.root, folder);
    const found = existsSync(path)
      ? readdirSync(path, { recursive: true, withFileTypes: true })
          .filter((entry) => entry.isFile())
          .map((entry) => relative(this.root, join(entry.parentPath, entry.name)).split(sep).join('/'))
      : [];
    const replaced = Object.keys(this.overlay).filter((each) => each.startsWith(`${folder}/`));
    return [...new Set([...found, ...replaced])]
      .filter((each) => each.endsWith(ending) && this.overlay[each] !== null)
      .sort();
  }

  /** The names of the folders in a folder, sorted. */
  folders(folder: string): readonly string[] {
    const path = join(this.root, folder);
    if (!existsSync(path)) return [];
    const entries = readdirSync(path, { withFileTypes: true });
    return entries
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => name)
      .sort();
  }

  /** @returns undefined if there is no such file. */
  file(path: string): SourceFile | undefined {
    const key = `/${path}`;
    const known = this.project.getSourceFile(key);
    if (known) return known;
    const text = this.text(path);
    return text === undefined ? undefined : this.project.createSourceFile(key, text);
  }

  files(folder: string): readonly SourceFile[] {
    return this.list(folder).flatMap((path) => this.file(path) ?? []);
  }

  pathOf(node: Node): string {
    return node.getSourceFile().getFilePath().slice(1);
  }

  /** Without the comment before it. */
  sourceOf(node: Node): Source {
    return {
      file: this.pathOf(node),
      line: node.getStartLineNumber(),
      endLine: node.getEndLineNumber(),
    };
  }

  /** The lines of a source. */
  codeOf({ file, line, endLine }: Source): string {
    return (this.text(file) ?? '')
      .split('\n')
      .slice(line - 1, endLine)
      .join('\n');
  }

  /** The top-level declaration that `name` refers to in a file, wherever it stands; undefined: in a package. */
  resolve(file: SourceFile, name: string): Node | undefined {
    const key = `${file.getFilePath()}#${name}`;
    if (!this.resolved.has(key)) {
      this.resolved.set(key, undefined); // against circles of exports
      this.resolved.set(key, this.find(file, name));
    }
    return this.resolved.get(key);
  }

  /** What the constant that `name` refers to in a file is set to, without `as …`. */
  constant(file: SourceFile, name: string): Node | undefined {
    const declared = this.resolve(file, name);
    const initial = Node.isVariableDeclaration(declared) ? declared.getInitializer() : undefined;
    return Node.isAsExpression(initial) ? initial.getExpression() : initial;
  }

  /** The decision records, by number. */
  get adrs(): ReadonlyMap<number, Adr> {
    this.adrsRead ??= new Map(
      this.list('docs/adr', '.md').flatMap((file) => {
        const [, number, title] = /^# (\d+)\. (.+)$/m.exec(this.text(file) ?? '') ?? [];
        return title === undefined
          ? []
          : [[Number(number), { number: Number(number), title, file }] as const];
      }),
    );
    return this.adrsRead;
  }

  /** The file that an import in `file` names; undefined: a package. */
  private imported(file: SourceFile, specifier: string): SourceFile | undefined {
    const path = specifier.startsWith('.')
      ? posix.join(posix.dirname(file.getFilePath()), specifier).slice(1)
      : this.aliased(specifier);
    if (path === undefined) return undefined;
    return path.endsWith('.ts')
      ? this.file(path)
      : (this.file(`${path}.ts`) ?? this.file(`${path}/index.ts`));
  }

  private aliased(specifier: string): string | undefined {
    for (const [pattern, target] of this.paths) {
      if (pattern.test(specifier)) return specifier.replace(pattern, target);
    }
    return undefined;
  }

  private find(file: SourceFile, name: string): Node | undefined {
    const own =
      file.getClass(name) ??
      file.getFunction(name) ??
      file.getVariableDeclaration(name) ??
      file.getInterface(name) ??
      file.getTypeAlias(name);
    if (own) return own;
    for (const declaration of file.getImportDeclarations()) {
      for (const specifier of declaration.getNamedImports()) {
        if ((specifier.getAliasNode()?.getText() ?? specifier.getName()) !== name) continue;
        const target = this.imported(file, declaration.getModuleSpecifierValue());
        return target && this.resolve(target, specifier.getName());
      }
    }
    for (const declaration of file.getExportDeclarations()) {
      const from = declaration.getModuleSpecifierValue();
      const target = from === undefined ? undefined : this.imported(file, from);
      if (!target) continue;
      const named = declaration.getNamedExports();
      if (named.length === 0) {
        const found = this.resolve(target, name);
        if (found) return found;
      }
      for (const specifier of named) {
        if ((specifier.getAliasNode()?.getText() ?? specifier.getName()) !== name) continue;
        return this.resolve(target, specifier.getName());
      }
    }
    return undefined;
  }
}
