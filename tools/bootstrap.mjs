// What a fresh clone needs before anything else can run, in plain Node without packages:
//
//   node tools/bootstrap.mjs atlas ARGS…   the atlas command
//   node tools/bootstrap.mjs test [ARGS…]  every check and test; with arguments: Jest alone, with them
//   node tools/bootstrap.mjs run FILE       one compiled file of dist/
//
// It installs the packages and compiles the sources where they are out of date, and picks a Node that is new enough.
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const at = (...path) => join(root, ...path);

/** NestJS 12 is ESM, and the tests load it by require(), which Jest can from this version on. */
const OLDEST_RUNTIME = [24, 11];

class Problem extends Error {}

const say = (text) => process.stderr.write(`atlas: ${text}\n`);

// ---- packages

/** Whether node_modules is what package-lock.json says; packages for other platforms may be missing. */
function installed() {
  try {
    const wanted = JSON.parse(readFileSync(at('package-lock.json'), 'utf8')).packages;
    const present = JSON.parse(readFileSync(at('node_modules/.package-lock.json'), 'utf8')).packages;
    return Object.entries(wanted).every(
      ([path, { version, optional }]) =>
        path === '' || (present[path] ? present[path].version === version : optional === true),
    );
  } catch {
    return false;
  }
}

async function install() {
  say('installing packages, once …');
  const begin = Date.now();
  const npm = process.env.npm_execpath?.endsWith('.js')
    ? [process.execPath, process.env.npm_execpath]
    : ['npm'];
  // stdout belongs to whoever called: with --json it must hold JSON alone.
  const code = await run(npm[0], [...npm.slice(1), 'ci'], { stdio: ['ignore', 2, 2] });
  if (code !== 0)
    throw new Problem('"npm ci" failed, see above; it needs the package registry this one time');
  say(`packages installed in ${seconds(begin)}`);
}

// ---- runtime

const isNewEnough = (version) => {
  const [major, minor] = version.replace(/^v/, '').split('.').map(Number);
  return major > OLDEST_RUNTIME[0] || (major === OLDEST_RUNTIME[0] && minor >= OLDEST_RUNTIME[1]);
};

/** The Node to run everything with: this one, or the one among the packages. */
function runtime() {
  if (isNewEnough(process.version)) return process.execPath;
  const packaged = at('node_modules/.bin/node');
  const { status, stdout } = spawnSync(packaged, ['--version'], { encoding: 'utf8' });
  if (status === 0 && isNewEnough(stdout)) return packaged;
  throw new Problem(
    `Node ${OLDEST_RUNTIME.join('.')} or newer is needed, this is ${process.version}, and npm has none for ` +
      `${process.platform}-${process.arch}: install a newer Node`,
  );
}

// ---- compiled code

const SOURCES = ['apps', 'libs', 'tools/atlas'];

/** Everything that the compiled code follows from, as one hash. */
function sourcesHash() {
  const hash = createHash('sha256');
  const add = (path) =>
    hash
      .update(path)
      .update('\0')
      .update(readFileSync(at(path)))
      .update('\0');
  const walk = (folder) => {
    for (const entry of readdirSync(at(folder), { withFileTypes: true })) {
      const path = `${folder}/${entry.name}`;
      if (entry.isDirectory()) walk(path);
      else if (path.endsWith('.ts') && !path.endsWith('.spec.ts')) add(path);
    }
  };
  add('.swcrc');
  add('node_modules/@swc/core/package.json');
  SOURCES.forEach(walk);
  return hash.digest('hex');
}

function builtHash() {
  return existsSync(at('dist/.sources')) ? readFileSync(at('dist/.sources'), 'utf8') : undefined;
}

/** All at once by swc itself: that takes less time than Nx needs to find out that nothing changed. */
async function build(node) {
  const begin = Date.now();
  const hash = sourcesHash();
  // Beside its place, at the same depth: source maps point from there.
  rmSync(at('dist.new'), { recursive: true, force: true });
  mkdirSync(at('dist'), { recursive: true });
  const swc = [
    'node_modules/@swc/cli/bin/swc.js',
    ...SOURCES,
    '--out-dir',
    'dist.new',
    '--config-file',
    '.swcrc',
    '--quiet',
  ];
  if ((await run(node, swc, { stdio: ['ignore', 2, 2] })) !== 0)
    throw new Problem('the sources do not compile, see above');
  for (const folder of readdirSync(at('dist.new'))) {
    rmSync(at('dist', folder), { recursive: true, force: true });
    renameSync(at('dist.new', folder), at('dist', folder));
  }
  rmSync(at('dist.new'), { recursive: true });
  writeFileSync(at('dist/.sources'), hash);
  say(`compiled in ${seconds(begin)}`);
}

// ---- the two together

async function prepare() {
  if (!installed()) await exclusively(async () => installed() || (await install()));
  const node = runtime();
  if (builtHash() !== sourcesHash()) {
    await exclusively(async () => builtHash() === sourcesHash() || (await build(node)));
  }
  return node;
}

/** Two commands started at once in a fresh clone must not install into each other. */
async function exclusively(work) {
  const lock = join(
    tmpdir(),
    `atlas-setup-${createHash('sha256').update(root).digest('hex').slice(0, 16)}.lock`,
  );
  for (let told = false; ;) {
    try {
      writeFileSync(lock, String(process.pid), { flag: 'wx' });
      break;
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
    }
    const holder = Number(existsSync(lock) && readFileSync(lock, 'utf8'));
    if (holder && !isAlive(holder)) rmSync(lock, { force: true });
    else if (!told) {
      say(`waiting for process ${holder || ''}, which is installing or compiling here …`);
      told = true;
    }
    await new Promise((done) => setTimeout(done, 100));
  }
  try {
    await work();
  } finally {
    rmSync(lock, { force: true });
  }
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

// ---- commands

async function atlas(args) {
  const node = await prepare();
  const main = at('dist/tools/atlas/src/main.js');
  if (node === process.execPath) {
    // In this process, so that a platform that runs for long has one process less.
    process.argv = [node, main, ...args];
    await import(pathToFileURL(main));
    return;
  }
  process.exitCode = await run(node, [main, ...args], { stdio: 'inherit', cwd: process.cwd() });
}

async function test(args) {
  const node = await prepare();
  const jest = [
    '--experimental-vm-modules',
    '--disable-warning=ExperimentalWarning',
    'node_modules/jest/bin/jest.js',
  ];
  if (args.length > 0) {
    process.exitCode = await run(node, [...jest, ...args], { stdio: 'inherit' });
    return;
  }

  const docker = spawnSync('docker', ['info'], { stdio: 'ignore' }).status === 0;
  const leftOut = docker ? [] : suites('.docker.spec.ts');
  if (!docker && process.env.ATLAS_REQUIRE_DOCKER === '1') {
    say('ATLAS_REQUIRE_DOCKER=1, and "docker info" fails: start Docker');
    return close({ passed: 0, failed: 1, skipped: 0 });
  }

  const total = { passed: 0, failed: 0, skipped: leftOut.length };
  const count = (ok) => (ok ? (total.passed += 1) : (total.failed += 1));
  const check = async (name, ...command) => {
    const begin = Date.now();
    const ok = (await run(node, command, { stdio: 'inherit' })) === 0;
    say(`${name}: ${ok ? 'passed' : 'FAILED'} in ${seconds(begin)}`);
    count(ok);
  };
  await check('format', 'node_modules/prettier/bin/prettier.cjs', '--check', '--log-level=warn', '.');
  await check('lint', 'node_modules/nx/dist/bin/nx.js', 'run-many', '-t', 'lint', '--output-style=static');
  const projects = ['apps', 'libs', 'tools/atlas'].flatMap((folder) => ['--ignore-pattern', folder]);
  await check('lint of the rest', 'node_modules/eslint/bin/eslint.js', '--max-warnings=0', ...projects, '.');
  await check('types', 'node_modules/typescript/bin/tsc', '-p', 'tsconfig.json');

  const folder = mkdtempSync(join(tmpdir(), 'atlas-jest-'));
  const report = join(folder, 'report.json');
  const without = docker ? [] : ['--testPathIgnorePatterns', '/node_modules/', '\\.docker\\.spec\\.ts$'];
  const code = await run(node, [...jest, '--json', `--outputFile=${report}`, ...without], {
    stdio: ['inherit', 2, 2],
  });
  if (existsSync(report)) {
    const result = JSON.parse(readFileSync(report, 'utf8'));
    total.passed += result.numPassedTests;
    // A suite that could not be loaded has no tests to count.
    total.failed += result.numFailedTests + result.numRuntimeErrorTestSuites;
    total.skipped += result.numPendingTests + result.numTodoTests;
    if (code !== 0 && result.success) count(false);
  } else {
    say(`Jest ended with code ${code} and left no report`);
    count(false);
  }
  rmSync(folder, { recursive: true });

  if (leftOut.length > 0) {
    say(`WITHOUT DOCKER ("docker info" fails) these ${leftOut.length} suites were LEFT OUT:`);
    for (const suite of leftOut) say(`  ${suite}`);
  }
  close(total);
}

/** The line that tells machines how it went; the last one. */
function close({ passed, failed, skipped }) {
  process.stdout.write(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}\n`);
  process.exitCode = failed > 0 ? 1 : 0;
}

function suites(ending) {
  const found = [];
  const walk = (folder) => {
    for (const entry of readdirSync(at(folder), { withFileTypes: true })) {
      const path = `${folder}/${entry.name}`;
      if (entry.isDirectory()) walk(path);
      else if (path.endsWith(ending)) found.push(path);
    }
  };
  ['apps', 'libs', 'tools'].forEach(walk);
  return found.sort();
}

// ---- processes

/** Runs a program in the root folder and returns its exit code; interrupts are the program's to act on. */
function run(file, args, options) {
  return new Promise((done, failed) => {
    const child = spawn(file, args, { cwd: root, env: environment(), ...options });
    // Ctrl-C reaches the child by itself; the others come to this process alone.
    const handlers = {
      SIGINT: () => {},
      SIGTERM: () => child.kill('SIGTERM'),
      SIGHUP: () => child.kill('SIGHUP'),
    };
    for (const [signal, handler] of Object.entries(handlers)) process.on(signal, handler);
    child.once('error', (error) => failed(new Problem(`${file} can't be run: ${error.message}`)));
    child.once('exit', (code, signal) => {
      for (const [name, handler] of Object.entries(handlers)) process.off(name, handler);
      done(signal ? 1 : code);
    });
  });
}

/** Nx asks nothing, reports nothing, keeps no daemon. */
function environment() {
  return {
    NX_DAEMON: 'false',
    NX_NO_CLOUD: 'true',
    NX_TUI: 'false',
    NX_INTERACTIVE: 'false',
    ...process.env,
  };
}

const seconds = (begin) => `${((Date.now() - begin) / 1000).toFixed(1)} s`;

// ---- start

/** @param {string} command `atlas`, `test` or `run` */
export async function bootstrap(command, args) {
  try {
    if (Number(process.versions.node.split('.')[0]) < 20) {
      throw new Problem(`Node 20 or newer is needed, this is ${process.version}`);
    }
    if (command === 'atlas') await atlas(args);
    else if (command === 'test') await test(args);
    else if (command === 'run') process.exitCode = await run(await prepare(), args, { stdio: 'inherit' });
    else throw new Problem('say "atlas", "test" or "run"');
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    say(error.message);
    process.exitCode = 1;
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  await bootstrap(process.argv[2], process.argv.slice(3));
