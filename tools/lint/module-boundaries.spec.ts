import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

// ESLint reads the types of the whole workspace for each file.
jest.setTimeout(180_000);

const root = join(__dirname, '../..');

interface Project {
  readonly data: { readonly root: string; readonly tags: readonly string[]; readonly targets: object };
}

interface Graph {
  readonly nodes: Readonly<Record<string, Project>>;
  readonly dependencies: Readonly<Record<string, readonly { readonly target: string }[]>>;
}

/** The graph as `nx graph` makes it, in a process of its own: Nx can't run inside Jest. */
function projectGraph(): Graph {
  const folder = mkdtempSync(join(tmpdir(), 'atlas-nx-'));
  const file = join(folder, 'graph.json');
  try {
    execFileSync(process.execPath, ['node_modules/nx/dist/bin/nx.js', 'graph', `--file=${file}`], {
      cwd: root,
      env: { ...process.env, NX_DAEMON: 'false' },
      stdio: 'pipe',
    });
    return (JSON.parse(readFileSync(file, 'utf8')) as { graph: Graph }).graph;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** All TypeScript files of the projects, relative to the workspace folder. */
const sources = (): readonly string[] =>
  ['apps', 'libs', 'tools'].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .filter((path) => path.endsWith('.ts'))
      .map((path) => `${folder}/${path}`),
  );

/** What the rule for module boundaries says about `code` as if it stood in `file`. */
function lint(file: string, code: string): readonly string[] {
  const args = ['--stdin', '--stdin-filename', file, '--format=json'];
  const { stdout } = spawnSync(process.execPath, ['node_modules/eslint/bin/eslint.js', ...args], {
    cwd: root,
    input: code,
    encoding: 'utf8',
  });
  const [result] = JSON.parse(stdout) as { messages: { ruleId: string; message: string }[] }[];
  return (result?.messages ?? [])
    .filter(({ ruleId }) => ruleId === '@nx/enforce-module-boundaries')
    .map(({ message }) => message);
}

/** The layers that nothing inside them may need. */
const OUTERMOST = ['layer:tools', 'layer:verbs'];

describe('The project graph', () => {
  const { nodes, dependencies } = projectGraph();
  const targetsOf = (project: string) => (dependencies[project] ?? []).map(({ target }) => target);
  const layerOf = (project: string) =>
    (nodes[project]?.data.tags ?? []).find((tag) => tag.startsWith('layer:')) ?? 'none';

  it.each([
    ['template', 'adapters'],
    ['template', 'service'],
    ['adapters', 'resilience'],
    ['service', 'ports'],
    ['adapters', 'ports'],
    ['atlas-cli', 'outbox-relay'],
  ])('has an edge from %s to %s', (from, to) => {
    expect(targetsOf(from)).toContain(to);
  });

  it('has an edge for every import of another project by its name', () => {
    const roots = Object.entries(nodes).map(([name, { data }]) => ({ name, folder: `${data.root}/` }));
    const ownerOf = (path: string) =>
      roots
        .filter(({ folder }) => path.startsWith(folder))
        .sort((a, b) => b.folder.length - a.folder.length)[0]?.name;
    const imported = new Set<string>();
    const missing = new Set<string>();
    for (const file of sources()) {
      const from = ownerOf(file);
      for (const [, name] of readFileSync(join(root, file), 'utf8').matchAll(
        /^import .* from '@atlas\/(.+)';$/gm,
      )) {
        const to = ownerOf(`libs/${name}/`);
        if (from === undefined || to === undefined || from === to) continue;
        imported.add(`${from} → ${to}`);
        if (!targetsOf(from).includes(to)) missing.add(`${from} → ${to} (${file})`);
      }
    }
    expect(imported.size).toBeGreaterThan(20);
    expect([...missing]).toEqual([]);
  });

  it('has no edge that points outward: no library needs an app or a tool, no app another app or a tool', () => {
    const outward = Object.keys(nodes).flatMap((from) =>
      targetsOf(from)
        .filter((to) => {
          const [inner, outer] = [layerOf(from), layerOf(to)];
          return !OUTERMOST.includes(inner) && [...OUTERMOST, 'layer:app'].includes(outer);
        })
        .map((to) => `${from} → ${to}`),
    );
    expect(outward).toEqual([]);
  });

  it('gives every project a layer, a test and a lint target', () => {
    const complete = expect.objectContaining({ lint: expect.anything(), test: expect.anything() });
    for (const [name, { data }] of Object.entries(nodes)) {
      expect([name, layerOf(name)]).toEqual([name, expect.stringMatching(/^layer:/)]);
      expect([name, data.targets]).toEqual([name, complete]);
    }
  });
});

describe('The rule for module boundaries', () => {
  it('refuses an import that points outward, also when ESLint runs outside Nx', () => {
    expect(
      lint('libs/ports/src/application/clock.ts', "import { x } from '@atlas/adapters/system';\nvoid x;\n"),
    ).not.toEqual([]);
  });

  it('accepts one that points inward', () => {
    expect(
      lint(
        'libs/adapters/src/memory/index.ts',
        "import { Clock } from '@atlas/ports/application';\nvoid Clock;\n",
      ),
    ).toEqual([]);
  });
});
