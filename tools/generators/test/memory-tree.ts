import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Tree } from '@nx/devkit';

/** The repository's files as generators see them; what they write stays in memory. */
export class MemoryTree {
  /** By path; undefined if deleted. */
  readonly written = new Map<string, string | undefined>();

  constructor(readonly root: string) {}

  /** Nx's own tree can't be loaded by Jest; generators use these methods of it. */
  asTree(): Tree {
    return this as unknown as Tree;
  }

  read(path: string): string | null {
    if (this.written.has(path)) return this.written.get(path) ?? null;
    return this.isOnDisk(path) ? readFileSync(join(this.root, path), 'utf8') : null;
  }

  write(path: string, text: string): void {
    this.written.set(path, text);
  }

  delete(path: string): void {
    for (const name of this.children(path)) this.delete(`${path}/${name}`);
    this.written.set(path, undefined);
  }

  exists(path: string): boolean {
    if (this.written.has(path)) return this.written.get(path) !== undefined;
    return existsSync(join(this.root, path)) || this.children(path).length > 0;
  }

  isFile(path: string): boolean {
    return this.read(path) !== null;
  }

  children(path: string): string[] {
    const folder = join(this.root, path);
    const onDisk = existsSync(folder) && statSync(folder).isDirectory() ? readdirSync(folder) : [];
    const names = new Set(onDisk);
    for (const [file, text] of this.written) {
      if (text !== undefined && file.startsWith(`${path}/`)) {
        names.add(file.slice(path.length + 1).split('/')[0] as string);
      }
    }
    return [...names].filter(
      (name) => this.written.get(`${path}/${name}`) !== undefined || !this.written.has(`${path}/${name}`),
    );
  }

  private isOnDisk(path: string): boolean {
    const file = join(this.root, path);
    return existsSync(file) && statSync(file).isFile();
  }
}
