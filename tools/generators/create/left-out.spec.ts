import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { filesOf, ROOT } from '../test/copy';
import { isLeftOut, LEFT_OUT, LEFT_OUT_SCRIPTS, LEFT_OUT_SUITES } from './left-out';
import { type Manifest, manifestOf } from './manifest';
import { mustBePlace, nameOf } from './place';

const files = filesOf(ROOT);
const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as Manifest;

describe('What a new workspace does not get', () => {
  it.each(LEFT_OUT.map(({ path, why }) => [why, path] as const))('is there to be left out: %s', (_, path) => {
    // Each alternative of the pattern by itself: one that matches nothing is a leftover.
    for (const part of path.source.split(/\|(?=\^)/)) {
      expect([part, files.some((file) => new RegExp(part).test(file))]).toEqual([part, true]);
    }
  });

  it('includes the scripts that run it, and only those', () => {
    const names = Object.keys(manifest.scripts);
    expect([...LEFT_OUT_SCRIPTS].filter((name) => !names.includes(name))).toEqual([]);
    expect(
      Object.values(manifest.scripts).some((text) =>
        text.split(' ').some((word) => LEFT_OUT_SUITES.test(word)),
      ),
    ).toBe(true);
    // In dist/ stands what was compiled.
    const pathsIn = (text: string) =>
      (text.match(/(?:apps|libs|tools)\/[\w./-]+\.\w+/g) ?? []).map((path) => path.replace(/\.js$/, '.ts'));
    for (const [name, text] of Object.entries(manifest.scripts)) {
      if (!LEFT_OUT_SCRIPTS.has(name)) expect([name, pathsIn(text).filter(isLeftOut)]).toEqual([name, []]);
    }
  });

  it('includes the packages that only it uses', () => {
    const own = manifestOf(manifest, 'mine', {
      kept: ["import { z } from 'zod';", "const cli = 'node_modules/nx/bin';"],
      leftOut: [
        "import { parse } from 'csv-parse';",
        "import { z } from 'zod';",
        'import "cli-progress/lib";',
      ],
    });
    const removed = (part: 'dependencies' | 'devDependencies') =>
      Object.keys(manifest[part]).filter((name) => !(name in own[part]));
    expect(removed('dependencies')).toEqual(['cli-progress', 'csv-parse']);
    expect(removed('devDependencies')).toEqual(['@types/cli-progress']);
    expect(own).toMatchObject({ name: 'mine', bin: { atlas: 'tools/atlas.mjs' } });
    expect(own.scripts).not.toHaveProperty('simulate');
    expect(own.scripts['test:faults']).not.toContain('shop/');
  });
});

describe('A place for a workspace', () => {
  let folder: string;
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'atlas-place-'))));
  afterEach(() => rmSync(folder, { recursive: true }));

  it('is a folder that is new or empty', () => {
    mkdirSync(join(folder, 'empty'));
    expect(() => mustBePlace(ROOT, join(folder, 'empty'))).not.toThrow();
    expect(() => mustBePlace(ROOT, join(folder, 'new', 'deep'))).not.toThrow();
    expect(nameOf(join(folder, 'my-platform'))).toBe('my-platform');
  });

  it('is refused if it is taken, no folder, or in the repository, with what to do', () => {
    const file = join(folder, 'file');
    writeFileSync(file, '');
    expect(() => mustBePlace(ROOT, folder)).toThrow(
      `${folder} is not empty: choose another name, or empty it first.`,
    );
    expect(() => mustBePlace(ROOT, file)).toThrow(`${file} is not a folder: choose another name.`);
    for (const within of [ROOT, join(ROOT, 'apps/mine')]) {
      expect(() => mustBePlace(ROOT, within)).toThrow(
        'is in this repository: name a folder outside, such as ../',
      );
    }
  });

  it.each(['My Platform', '-x', 'x'.repeat(41)])('is refused if "%s" can be no name', (name) => {
    expect(() => nameOf(join(folder, name))).toThrow(
      `"${name}" can't be the name of a workspace: use at most 40`,
    );
  });
});
