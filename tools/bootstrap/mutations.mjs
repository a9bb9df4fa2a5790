import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { Problem, at, run, say, seconds } from './process.mjs';
import { areas, NEVER } from '../mutations/areas.mjs';

/**
 * Changes the code in many small ways, and fails if too few of the changes make a test fail: `npm run test:mutations`,
 * see docs/tests.md. Returns the exit code.
 * @param args parts of the names of areas (default: all), `--mutate GLOB,…`, and `--force` to test again what is known.
 */
export async function testMutations(node, args) {
  const { values, positionals } = parseArgs({
    args,
    options: { mutate: { type: 'string' }, force: { type: 'boolean', default: false } },
    allowPositionals: true,
  });
  const chosen = areas.filter(
    ({ name }) => positionals.length === 0 || positionals.some((part) => name.includes(part)),
  );
  if (chosen.length === 0) {
    throw new Problem(
      `no area is called "${positionals.join(' ')}"; there are ${areas.map(({ name }) => name).join(', ')}`,
    );
  }
  const stryker = [
    'node_modules/@stryker-mutator/core/bin/stryker.js',
    'run',
    ...(values.mutate ? ['--mutate', [values.mutate, ...NEVER].join()] : []),
    ...(values.force ? ['--force'] : []),
  ];
  const { default: embedded } = await import(
    pathToFileURL(at('dist/libs/adapters/src/embedded/postgres-server.js'))
  );
  const folder = mkdtempSync(join(tmpdir(), 'atlas-mutations-'));
  // One server for all: Jest would start one of its own for every mutant.
  const server = await embedded.EmbeddedPostgres.start({ dataDir: join(folder, 'postgres') });
  const rows = [];
  let failed = 0;
  try {
    for (const { name, least } of chosen) {
      const begin = Date.now();
      const env = { ...process.env, ATLAS_TEST_POSTGRES_URL: server.urlOf('postgres'), MUTATION_AREA: name };
      const passed = (await run(node, stryker, { stdio: 'inherit', env })) === 0;
      if (!passed) failed += 1;
      say(`${name}: ${passed ? 'passed' : `FAILED: ${least} % are required`} in ${seconds(begin)}`);
      rows.push(...scoresOf(name));
    }
  } finally {
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  }
  const heading = ['folder', 'mutants', 'detected', 'survived', 'not covered', 'score'];
  for (const row of [heading, ['---', ...Array.from({ length: 5 }, () => '---:')], ...rows]) {
    process.stdout.write(`| ${row.join(' | ')} |\n`);
  }
  return failed > 0 ? 1 : 0;
}

/** A row for each folder of an area: how many of its mutants were detected. */
function scoresOf(name) {
  const report = at('.stryker', `${name.replaceAll('/', '-')}.json`);
  if (!existsSync(report)) return [];
  const folders = new Map();
  for (const [file, { mutants }] of Object.entries(JSON.parse(readFileSync(report, 'utf8')).files)) {
    folders.set(dirname(file), [...(folders.get(dirname(file)) ?? []), ...mutants]);
  }
  return [...folders].sort().map(([path, mutants]) => {
    const count = (...statuses) => mutants.filter(({ status }) => statuses.includes(status)).length;
    const detected = count('Killed', 'Timeout');
    const [survived, uncovered] = [count('Survived'), count('NoCoverage')];
    const all = detected + survived + uncovered;
    return [
      `\`${path}\``,
      all,
      detected,
      survived,
      uncovered,
      all === 0 ? '' : `${((100 * detected) / all).toFixed(1)} %`,
    ];
  });
}
