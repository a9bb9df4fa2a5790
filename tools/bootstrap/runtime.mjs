import { spawnSync } from 'node:child_process';
import { Problem, at } from './process.mjs';

/** NestJS 12 is published as ES modules; from this version on, Jest can load them by require(). */
const OLDEST_RUNTIME = [24, 11];

const isNewEnough = (version) => {
  const [major, minor] = version.replace(/^v/, '').split('.').map(Number);
  return major > OLDEST_RUNTIME[0] || (major === OLDEST_RUNTIME[0] && minor >= OLDEST_RUNTIME[1]);
};

/**
 * The Node that runs everything: this one, or the one that npm installed.
 * @throws Problem if neither is new enough.
 */
export function findRuntime() {
  if (isNewEnough(process.version)) return process.execPath;
  const packaged = at('node_modules/.bin/node');
  const { status, stdout } = spawnSync(packaged, ['--version'], { encoding: 'utf8' });
  if (status === 0 && isNewEnough(stdout)) return packaged;
  throw new Problem(
    `Node ${OLDEST_RUNTIME.join('.')} or newer is needed, this is ${process.version}, and npm has none for ` +
      `${process.platform}-${process.arch}: install a newer Node`,
  );
}
