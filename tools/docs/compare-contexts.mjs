// node tools/docs/compare-contexts.mjs A B [--stat]: `diff -ru` of two contexts' sources, with their names mapped.
//
// What each context calls itself and its main aggregate becomes "context" and "thing", in file names and in text, so that
// the difference is the business and not the names. --stat prints the lines that differ by file instead.
import { spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '../..');

/** The main aggregate of each context: the one that has events. */
const AGGREGATES = Object.fromEntries(
  readdirSync(join(ROOT, 'apps')).flatMap((context) => {
    const domain = join(ROOT, 'apps', context, 'src/domain');
    const events = existsSync(domain) && readdirSync(domain).find((file) => file.endsWith('-events.ts'));
    return events ? [[context, events.slice(0, -'-events.ts'.length)]] : [];
  }),
);

const capital = (word) => word[0].toUpperCase() + word.slice(1);

/** Replacements in order: the names of the context's files, classes and constants, then its aggregate. */
function wordsOf(context) {
  const aggregate = AGGREGATES[context];
  return [
    [
      new RegExp(`\\b${context}(?=\\.(?:app|audit|module|settings)\\b|App\\b|Audit\\b|Settings\\b)`, 'g'),
      'context',
    ],
    [new RegExp(`(?<=1-|')${context}\\b`, 'g'), 'context'],
    [new RegExp(`${capital(context)}(?=Module|Settings|Audit|\\d{13})`, 'g'), 'Context'],
    [new RegExp(capital(aggregate), 'g'), 'Thing'],
    [new RegExp(`\\b${aggregate}`, 'g'), 'thing'],
  ];
}

const map = (text, words) => words.reduce((mapped, [from, to]) => mapped.replace(from, to), text);

/** Copies a context's sources to `folder`, mapped. */
function copyMapped(context, folder) {
  const words = wordsOf(context);
  cpSync(join(ROOT, 'apps', context, 'src'), folder, { recursive: true });
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const file = join(entry.parentPath, entry.name);
    writeFileSync(file, map(readFileSync(file, 'utf8'), words));
    renameSync(file, join(entry.parentPath, map(entry.name, words)));
  }
}

const lines = (text) => text.split('\n').length - 1;

function printStat(folder, a, b) {
  const filesOf = (side) =>
    new Set(
      readdirSync(join(folder, side), { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => join(entry.parentPath, entry.name).slice(join(folder, side).length + 1)),
    );
  const [left, right] = [filesOf(a), filesOf(b)];
  const contents = (side, file) => readFileSync(join(folder, side, file), 'utf8');
  const total = { same: 0, different: 0 };
  for (const file of [...new Set([...left, ...right])].sort()) {
    if (!right.has(file)) console.log(`${file}: only in ${a}, ${lines(contents(a, file))} lines`);
    else if (!left.has(file)) console.log(`${file}: only in ${b}, ${lines(contents(b, file))} lines`);
    else {
      const { stdout } = spawnSync('diff', [join(folder, a, file), join(folder, b, file)], {
        encoding: 'utf8',
      });
      const [removed, added] = ['<', '>'].map(
        (mark) => stdout.split('\n').filter((line) => line[0] === mark).length,
      );
      const same = lines(contents(a, file)) - removed;
      total.same += same;
      total.different += removed + added;
      console.log(`${file}: ${same} lines the same, ${removed} only in ${a}, ${added} only in ${b}`);
    }
  }
  console.log(`In the files of both: ${total.same} lines the same, ${total.different} different.`);
}

const [a, b, option] = process.argv.slice(2);
if (!AGGREGATES[a] || !AGGREGATES[b] || a === b) {
  console.error(
    `Usage: node tools/docs/compare-contexts.mjs A B [--stat], of ${Object.keys(AGGREGATES).join(', ')}`,
  );
  process.exit(2);
}
const folder = mkdtempSync(join(tmpdir(), 'atlas-compare-'));
try {
  for (const context of [a, b]) copyMapped(context, join(folder, context));
  if (option === '--stat') printStat(folder, a, b);
  else spawnSync('diff', ['-ru', a, b], { cwd: folder, stdio: 'inherit' });
} finally {
  rmSync(folder, { recursive: true, force: true });
}
