// node tools/docs/count-lines.mjs BEFORE [AFTER]: lines of code by folder at two commits, as a Markdown table.
// AFTER defaults to HEAD. Tests are *.spec.ts, *.contract.ts and whatever is in a folder named test.
import { execFileSync } from 'node:child_process';

const git = (...args) => execFileSync('git', args, { encoding: 'utf8', maxBuffer: 2 ** 28 });

const isTest = (file) => /\.(?:spec|contract)\.ts$|\/test\//.test(file);
const folderOf = (file) => file.split('/').slice(0, 2).join('/');

function linesAt(commit) {
  const folders = new Map();
  const add = (folder, kind, lines) => {
    const counts = folders.get(folder) ?? { code: 0, tests: 0 };
    counts[kind] += lines;
    folders.set(folder, counts);
  };
  // "commit:file:count" of every file; no pattern matches more lines than the empty one.
  const counted = git(
    'grep',
    '-c',
    '',
    commit,
    '--',
    'apps/**.ts',
    'libs/**.ts',
    'tools/**.ts',
    'tools/**.mjs',
    'tools/**.cjs',
  );
  for (const line of counted.trim().split('\n')) {
    const [, file, count] = line.match(/^[^:]+:(.+):(\d+)$/);
    const folder = file.includes('/', file.indexOf('/') + 1) ? folderOf(file) : 'tools';
    add(folder, isTest(file) ? 'tests' : 'code', Number(count));
    add('all', isTest(file) ? 'tests' : 'code', Number(count));
  }
  return folders;
}

const [before, after = 'HEAD'] = process.argv.slice(2);
if (!before) {
  console.error('Usage: node tools/docs/count-lines.mjs BEFORE [AFTER]');
  process.exit(2);
}
const [old, now] = [linesAt(before), linesAt(after)];
console.log(
  '| folder | code before | code after | tests before | tests after |\n| --- | ---: | ---: | ---: | ---: |',
);
for (const folder of [...new Set([...old.keys(), ...now.keys()])].sort()) {
  const [was, is] = [old, now].map((folders) => folders.get(folder) ?? { code: 0, tests: 0 });
  console.log(`| ${folder} | ${was.code} | ${is.code} | ${was.tests} | ${is.tests} |`);
}
