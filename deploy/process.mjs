// What a container runs: `node process.mjs SERVICE`. `node process.mjs health` asks the process in it whether it can
// serve. The jobs end: `databases` makes the databases, and `migrations` migrates them; `setup` makes what a cluster needs once,
// and `permissions` grants the users of Kafka theirs.
import { existsSync, readdirSync } from 'node:fs';

const [name = ''] = process.argv.slice(2);
const JOBS = ['databases', 'migrations', 'setup', 'permissions'];
const apps = new URL('dist/apps/', import.meta.url);
const main = new URL(`${name}/src/main.js`, apps);

if (name === 'health') {
  const answer = await fetch(`http://127.0.0.1:${process.env.PORT}/health/ready`).catch(() => undefined);
  process.exit(answer?.ok ? 0 : 1);
} else if (JOBS.includes(name)) {
  await import(`./${name}.mjs`);
} else if (/^[a-z-]+$/.test(name) && existsSync(main)) {
  await import(main.href);
} else {
  process.stderr.write(
    `There is no process "${name}": say one of ${[...readdirSync(apps), ...JOBS].join(', ')}\n`,
  );
  process.exit(1);
}
