// What a container runs: `node process.mjs orders`. `node process.mjs health` asks the process in it whether it can
// serve; `node process.mjs databases` makes the databases, and ends.
import { existsSync, readdirSync } from 'node:fs';

const [name = ''] = process.argv.slice(2);
const apps = new URL('dist/apps/', import.meta.url);
const main = new URL(`${name}/src/main.js`, apps);

if (name === 'health') {
  const answer = await fetch(`http://127.0.0.1:${process.env.PORT}/health/ready`).catch(() => undefined);
  process.exit(answer?.ok ? 0 : 1);
} else if (name === 'databases') {
  await import('./databases.mjs');
} else if (/^[a-z-]+$/.test(name) && existsSync(main)) {
  await import(main.href);
} else {
  process.stderr.write(
    `There is no process "${name}": say one of ${[...readdirSync(apps), 'databases'].join(', ')}\n`,
  );
  process.exit(1);
}
