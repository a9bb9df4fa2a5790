import { readFileSync } from 'node:fs';
import { Problem, TO_STDERR, at, run, say, seconds } from './process.mjs';

/** Whether node_modules matches package-lock.json; packages for other platforms may be missing. */
export function isInstalled() {
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

/** @throws Problem if "npm ci" fails. */
export async function install() {
  say('installing packages, once …');
  const begin = Date.now();
  const npm = process.env.npm_execpath?.endsWith('.js')
    ? [process.execPath, process.env.npm_execpath]
    : ['npm'];
  const code = await run(npm[0], [...npm.slice(1), 'ci'], TO_STDERR);
  if (code !== 0)
    throw new Problem('"npm ci" failed, see above; it needs the package registry this one time');
  say(`packages installed in ${seconds(begin)}`);
}
