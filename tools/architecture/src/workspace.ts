import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as language from '@atlas/contracts';
import { type ContextDeclaration, declarationSchema } from '@atlas/context';
import type { EventContract } from '@atlas/events';
import ts from 'typescript';

/** An event's contract, by the name under which libs/contracts exports it. */
export type Contracts = Readonly<Record<string, EventContract>>;

/** The sources and declarations of the repository, as the rules see them. Tests alter copies of it. */
export class Workspace {
  /** What `context.json` of every app says, by the names of their folders. */
  readonly declarations: ReadonlyMap<string, ContextDeclaration>;

  private constructor(
    private readonly files: ReadonlyMap<string, string>,
    readonly contracts: Contracts,
    /** By path; of the text that was parsed. */
    private readonly parsed: Map<string, ts.SourceFile>,
  ) {
    this.declarations = new Map(
      this.paths(/^apps\/[^/]+\/context\.json$/).map((path) => [
        appOf(path),
        declarationSchema.parse(JSON.parse(this.text(path))),
      ]),
    );
  }

  /** Reads all TypeScript and JSON files of `apps` and `libs`. */
  static read(root: string): Workspace {
    const files = ['apps', 'libs'].flatMap((folder) =>
      readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
        .filter((path) => /\.(?:ts|json)$/.test(path) && !path.includes('node_modules'))
        .map((path): [string, string] => [
          `${folder}/${path}`,
          readFileSync(join(root, folder, path), 'utf8'),
        ]),
    );
    const contracts = Object.entries<unknown>(language).filter((entry): entry is [string, EventContract] =>
      isContract(entry[1]),
    );
    return new Workspace(new Map(files.sort()), Object.fromEntries(contracts), new Map());
  }

  /** A copy in which `change` was applied to a file; `undefined` removes it. A file that isn't there begins empty. */
  with(path: string, change: (text: string) => string | undefined): Workspace {
    const files = new Map(this.files);
    const text = change(files.get(path) ?? '');
    if (text === undefined) files.delete(path);
    else files.set(path, text);
    return new Workspace(files, this.contracts, this.parsed);
  }

  withContracts(change: (contracts: Contracts) => Contracts): Workspace {
    return new Workspace(this.files, change(this.contracts), this.parsed);
  }

  /** The paths that match, in order. */
  paths(pattern: RegExp): readonly string[] {
    return [...this.files.keys()].filter((path) => pattern.test(path));
  }

  has(path: string): boolean {
    return this.files.has(path);
  }

  /** @throws Error if there is no such file. */
  text(path: string): string {
    const text = this.files.get(path);
    if (text === undefined) throw new Error(`There is no file ${path}`);
    return text;
  }

  /** The syntax tree of a TypeScript file. */
  source(path: string): ts.SourceFile {
    const text = this.text(path);
    const known = this.parsed.get(path);
    if (known?.text === text) return known;
    const source = ts.createSourceFile(path, text, ts.ScriptTarget.ES2024, true);
    this.parsed.set(path, source);
    return source;
  }

  /** The names of the apps that are contexts: services with a core of their own. */
  get contexts(): readonly string[] {
    return [...this.declarations].filter(([, { kind }]) => kind === 'context').map(([name]) => name);
  }
}

function isContract(exported: unknown): exported is EventContract {
  return typeof exported === 'object' && exported !== null && 'type' in exported && 'data' in exported;
}

/** The app that a path belongs to: `apps/<app>/…`. */
export const appOf = (path: string): string => path.split('/')[1] ?? '';

/** Code that runs, without tests. */
export const CODE =
  /^(?:apps|libs)\/(?:[^/]+|testing\/context)\/src\/(?!.*\.(?:spec|contract|fixture)\.ts$).*\.ts$/;

/** A rule: a sentence for each breach, which says what is wrong, where, and what to do. */
export interface Rule {
  readonly name: string;
  readonly check: (workspace: Workspace) => readonly string[];
}
