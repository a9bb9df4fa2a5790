import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { shopWords } from '../create/shop-words';
import { filesOf, ROOT } from './copy';

// Everything here starts programs: npm, Nx, the TypeScript compiler, Jest, the platform.
jest.setTimeout(3_600_000);

/** With GENERATE=full a user's commands are run, with packages of its own. */
const isFull = process.env['GENERATE'] === 'full';

describe('A new workspace', () => {
  let folder: string;
  let workspace: string;
  let said: string;

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'atlas-create-'));
    workspace = join(folder, 'my-platform');
    said = create(workspace, '--context', 'shipping', '--aggregate', 'parcel').output;
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const environment = { ...process.env, NODE_OPTIONS: '', NO_COLOR: '1', FORCE_COLOR: '0' };

  function run(
    cwd: string,
    program: string,
    ...args: readonly string[]
  ): { code: number | null; output: string } {
    const { status, stdout, stderr } = spawnSync(program, args, {
      cwd,
      encoding: 'utf8',
      maxBuffer: 64 * 1024 * 1024,
      env: environment,
    });
    return { code: status, output: `${stdout}${stderr}` };
  }

  const create = (...args: readonly string[]) =>
    run(folder, process.execPath, join(ROOT, 'tools/create-atlas.mjs'), ...args);

  const text = (file: string) => readFileSync(join(workspace, file), 'utf8');

  it('is complete, and nothing else is left where it was made', () => {
    expect(said).toContain(`${workspace} has the platform and the context "shipping".`);
    expect(readdirSync(folder)).toEqual(['my-platform']);
    for (const absent of ['node_modules', 'dist', '.nx', 'apps/orders', 'tools/shop']) {
      expect([absent, existsSync(join(workspace, absent))]).toEqual([absent, false]);
    }
    expect(text('README.md')).toMatch(
      /^# my-platform\n[^]*\| `shipping` +\| Opens parcels and closes them\./,
    );
    expect(text('compose.yaml')).toMatch(/^name: my-platform$/m);
    expect(JSON.parse(text('package-lock.json'))).toMatchObject({ name: 'my-platform' });
  });

  it('is not made where something is', () => {
    const { code, output } = create(workspace, '--context', 'shipping');
    expect([code, output]).toEqual([1, expect.stringContaining(`create-atlas: ${workspace} is not empty`)]);
    const { output: refused } = create(join(folder, 'other'), '--context', 'Ship-Ping');
    expect(refused).toContain('create-atlas: "Ship-Ping" can\'t be the name of a context');
    expect(readdirSync(folder)).toEqual(['my-platform']);
  });

  it('does not know the shop', () => {
    // The pages about the platform show it by the shop, and say so.
    const files = filesOf(workspace).filter((file) => !/^docs\/|^package-lock\.json$/.test(file));
    expect(files.length).toBeGreaterThan(300);
    const found = files.map((file) => [file, shopWords(text(file))] as const);
    expect(found.filter(([, lines]) => lines.length > 0)).toEqual([]);
  });

  it('has no link that leads nowhere', () => {
    const broken = filesOf(workspace)
      .filter((file) => file.endsWith('.md'))
      .flatMap((page) =>
        [...text(page).matchAll(/\]\(([^)\s#]+)(?:#[^)]*)?\)/g)]
          .map(([, to]) => to as string)
          .filter((to) => !/^[a-z]+:/.test(to) && !existsSync(join(workspace, dirname(page), to)))
          .map((to) => `${page}: ${to}`),
      );
    expect(broken).toEqual([]);
  });

  if (isFull) {
    it('is green on its two commands', async () => {
      const seconds: Record<string, number> = {};
      const timed = async <T>(what: string, work: () => T | Promise<T>): Promise<T> => {
        const begin = performance.now();
        const result = await work();
        seconds[what] = Math.round((performance.now() - begin) / 1_000);
        return result;
      };
      const installed = await timed('npm install', () => run(workspace, 'npm', 'install'));
      expect([installed.code, installed.output]).toEqual([0, expect.anything()]);

      const started = await timed('npm start', () => start());
      expect(started).toContain('shipping.parcel-opened is on the log');

      const tested = await timed('npm test', () => run(workspace, 'npm', 'test'));
      writeFileSync(join(tmpdir(), 'atlas-create-test.log'), tested.output);
      expect([tested.code, tested.output]).toEqual([0, expect.stringMatching(/^\d+ passed, 0 failed/m)]);
      process.stderr.write(`${JSON.stringify(seconds)} seconds\n`);
    });

    /** "npm start" until it says that it keeps running; then Ctrl-C. @returns what it printed. */
    async function start(): Promise<string> {
      const child: ChildProcess = spawn('npm', ['start'], {
        cwd: workspace,
        env: environment,
        detached: true,
      });
      let output = '';
      let isStopping = false;
      const ended = once(child, 'close');
      for (const stream of [child.stdout, child.stderr]) {
        stream?.on('data', (chunk: Buffer) => {
          output += chunk.toString();
          if (isStopping || !/Atlas keeps running|failed/.test(output)) return;
          isStopping = true;
          process.kill(-(child.pid as number), 'SIGINT');
        });
      }
      await ended;
      return output;
    }
  } else {
    it('compiles, its tests pass, and everything generated is up to date', () => {
      symlinkSync(join(ROOT, 'node_modules'), join(workspace, 'node_modules'));
      writeFileSync(
        join(workspace, 'tsconfig.part.json'),
        JSON.stringify({
          extends: './tsconfig.base.json',
          include: [
            'libs/**/*.d.ts',
            'apps/shipping/**/*.ts',
            'libs/contracts/**/*.ts',
            'tools/atlas/src/*.ts',
          ],
        }),
      );
      const tsc = join(workspace, 'node_modules/typescript/bin/tsc');
      expect(run(workspace, process.execPath, tsc, '-p', 'tsconfig.part.json').output).toBe('');
      const bootstrap = (...args: readonly string[]) =>
        run(workspace, process.execPath, 'tools/bootstrap.mjs', ...args);
      expect(bootstrap('atlas', 'generate', '--check').output).toContain('Everything is up to date.');
      const suites = [
        'apps/shipping/src',
        'apps/shipping/test/shipping',
        'tools/architecture',
        'libs/contracts',
      ];
      const { code, output } = bootstrap('test', ...suites, '--runInBand');
      expect([code, output]).toEqual([0, expect.stringMatching(/Tests: +\d+ passed/)]);
    });
  }
});
