import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { hasDocker } from './docker.mjs';
import { TO_STDERR, at, root, run, say, seconds } from './process.mjs';

const JEST = [
  '--experimental-vm-modules',
  '--disable-warning=ExperimentalWarning',
  'node_modules/jest/bin/jest.js',
];

const DOCKER_SUITE = '\\.docker\\.spec\\.ts$';

/** Suites that need a cluster. */
const CLUSTER_SUITE = '\\.k8s\\.spec\\.ts$';

const folders = `^${root.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')}/(apps|libs|tools)/`;

/** Suites that need a database or processes. Those that need containers are apart; all others are unit tests. */
const PROCESSES = [`${folders}[^/]+/test/`, `${folders}(.*/)?adapters/`];
const INTEGRATION = [...PROCESSES, DOCKER_SUITE];

/** Jest alone, with the arguments given. Returns its exit code. */
export const jest = (node, args) => run(node, [...JEST, ...args], { stdio: 'inherit' });

/** The suites of one project, for `nx test`; without Docker those that need it are left out. */
export function testProject(node, folder) {
  return jest(node, [
    `${root}/${folder}/`,
    '--passWithNoTests',
    ...ignore(hasDocker() ? [] : [DOCKER_SUITE]),
  ]);
}

/**
 * All checks and tests: first the unit tests next to format, lint and types; then the suites with containers, one at a
 * time, next to those with processes: with a third run beside them, a broker that was killed takes a minute to start on
 * two cores. The last line of stdout is `N passed, N failed[, N skipped]`.
 *
 * It doesn't use the Nx targets. `nx run-many -t lint` starts ESLint for each project, and each reads the types of
 * all the others: 203 s of CPU time against 49 s for one ESLint. One Jest run shares a server and containers, sorts
 * suites over all projects, and counts them. The targets are for `nx affected`.
 *
 * At last, when nothing else takes time, those on a cluster: ATLAS_WITH_CLUSTER names the program that runs the command
 * that follows it with a cluster as kubectl's context and the images loaded, such as .ci/with-cluster, or `env` if that is the
 * case already.
 *
 * An integration suite that failed runs once more, alone: beside others on a slow machine a process may start too late for
 * any deadline. What passes then is named, since it may as well be a rare fault.
 *
 * ATLAS_REQUIRE_DOCKER=1: fail if there is no Docker. ATLAS_FAIL_FAST=1: don't begin what takes longer if anything failed.
 */
export async function testAll(node) {
  const results = new Results();
  const docker = hasDocker();
  if (!docker && process.env.ATLAS_REQUIRE_DOCKER === '1') {
    say('ATLAS_REQUIRE_DOCKER=1, and "docker info" fails: start Docker');
    results.set('Docker', { failed: 1 });
    return results.close();
  }
  const cluster = process.env.ATLAS_WITH_CLUSTER;
  const endsEarly = () => process.env.ATLAS_FAIL_FAST === '1' && results.total.failed > 0;

  await Promise.all([
    checkAll(node, results),
    runJest(node, ['--runInBand', ...ignore(INTEGRATION)], results),
  ]);
  if (endsEarly()) {
    notRun('something failed, see above', suites(...INTEGRATION), results);
    return results.close();
  }
  await Promise.all([
    runJest(node, [...PROCESSES, '--runInBand', ...ignore([DOCKER_SUITE])], results),
    ...(docker ? [runJest(node, [DOCKER_SUITE, '--runInBand', ...ignore([])], results)] : []),
  ]);
  await repeatFailed(node, results);

  if (!docker) notRun('"docker info" fails', suites(DOCKER_SUITE), results);

  const onCluster = suites(CLUSTER_SUITE);
  if (!cluster) notRun('ATLAS_WITH_CLUSTER is not set', onCluster, results);
  else if (endsEarly()) notRun('something failed, see above', onCluster, results);
  else if (onCluster.length > 0) await runJest(node, [CLUSTER_SUITE, '--runInBand'], results, [cluster]);

  say('the slowest suites:');
  for (const [name, each] of results.slowest(10)) say(`  ${each.seconds.toFixed(1).padStart(6)} s  ${name}`);
  results.close();
}

/** What passed, failed and was skipped, by check and suite; the last run of each counts. */
class Results {
  #all = new Map();

  set(name, { passed = 0, failed = 0, skipped = 0, seconds = 0 }) {
    this.#all.set(name, { passed, failed, skipped, seconds });
  }

  get total() {
    const sum = { passed: 0, failed: 0, skipped: 0 };
    for (const each of this.#all.values()) for (const kind of Object.keys(sum)) sum[kind] += each[kind];
    return sum;
  }

  get failed() {
    return [...this.#all].filter(([, { failed }]) => failed > 0).map(([name]) => name);
  }

  slowest(count) {
    return [...this.#all].sort(([, a], [, b]) => b.seconds - a.seconds).slice(0, count);
  }

  /** Prints the line that CI reads; it must be the last one. */
  close() {
    const { passed, failed, skipped } = this.total;
    process.stdout.write(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}\n`);
    process.exitCode = failed > 0 ? 1 : 0;
  }
}

/** More failures than that have a common cause. */
const REPEATED = 3;

async function repeatFailed(node, results) {
  const failed = results.failed.filter((name) => existsSync(at(name)));
  if (failed.length === 0 || failed.length > REPEATED) return;
  say(`these suites failed, and run once more, alone: ${failed.join(', ')}`);
  await runJest(node, ['--runInBand', '--runTestsByPath', ...failed], results);
  for (const name of failed) {
    if (!results.failed.includes(name))
      say(`${name} PASSED THE SECOND TIME ONLY: see above why it failed before`);
  }
}

/** To be put last: Jest takes whatever follows for more of them. */
const ignore = (patterns) =>
  ['/node_modules/', CLUSTER_SUITE, ...patterns].map((each) => `--testPathIgnorePatterns=${each}`);

/** Format, lint and types, one after the other: each takes one core. Their output is shown when they have ended. */
async function checkAll(node, results) {
  const checks = {
    format: ['node_modules/prettier/bin/prettier.cjs', '--check', '--log-level=warn', '.'],
    lint: ['node_modules/eslint/bin/eslint.js', '--max-warnings=0', '.'],
    types: ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.json'],
  };
  for (const [name, command] of Object.entries(checks)) {
    const begin = Date.now();
    let output = '';
    const options = { stdio: ['ignore', 'pipe', 'pipe'], onOutput: (text) => (output += text) };
    const passed = (await run(node, command, options)) === 0;
    process.stderr.write(output);
    say(`${name}: ${passed ? 'passed' : 'FAILED'} in ${seconds(begin)}`);
    results.set(name, passed ? { passed: 1 } : { failed: 1 });
  }
}

/** Counts suites as skipped, and says so. */
function notRun(why, suites, results) {
  if (suites.length === 0) return;
  say(`these suites were LEFT OUT: ${why}`);
  for (const suite of suites) {
    say(`  ${suite}`);
    results.set(suite, { skipped: 1 });
  }
}

/**
 * Runs Jest and keeps what it reports of each suite.
 * @param wrapper the words of a command that runs another one, if any.
 */
async function runJest(node, args, results, wrapper = []) {
  const folder = mkdtempSync(join(tmpdir(), 'atlas-jest-'));
  const report = join(folder, 'report.json');
  const [file, ...words] = [...wrapper, node, ...JEST, '--json', `--outputFile=${report}`, ...args];
  const code = await run(file, words, TO_STDERR);
  const { success, testResults } = existsSync(report) ? JSON.parse(readFileSync(report, 'utf8')) : {};
  for (const { name, status, assertionResults, startTime, endTime } of testResults ?? []) {
    const count = (...wanted) => assertionResults.filter((each) => wanted.includes(each.status)).length;
    results.set(relative(root, name), {
      passed: count('passed'),
      // A suite that could not be loaded has no tests to count.
      failed: count('failed') || (status === 'failed' ? 1 : 0),
      skipped: count('pending', 'todo', 'skipped', 'disabled'),
      seconds: (endTime - startTime) / 1000,
    });
  }
  if (!testResults || (code !== 0 && success)) {
    say(`Jest ended with code ${code}${testResults ? '' : ' and left no report'}`);
    results.set(`Jest ${args.join(' ')}`, { failed: 1 });
  }
  rmSync(folder, { recursive: true });
}

/** The paths of the suites that match one of these expressions, relative to the workspace folder. */
function suites(...patterns) {
  return ['apps', 'libs', 'tools']
    .flatMap((folder) =>
      readdirSync(at(folder), { recursive: true, withFileTypes: true }).map((entry) =>
        relative(root, join(entry.parentPath, entry.name)),
      ),
    )
    .filter((path) => path.endsWith('.spec.ts') && patterns.some((each) => new RegExp(each).test(at(path))))
    .sort();
}
