// Migrates the database of each `…_DATABASE_URL`, as its owner: runs what the context has in its folder of migrations and the
// database lacks. Safe to repeat, also while processes of the last version and of the next use the databases. Waits for a server
// that is still starting. A migration that fails is rolled back, and the other databases are migrated all the same.
import { readdirSync } from 'node:fs';
import postgres from './dist/libs/adapters/src/postgres/index.js';

const apps = new URL('dist/apps/', import.meta.url);

/** The classes of migrations of a context. */
async function migrationsOf(context) {
  const folder = new URL(`${context}/src/adapters/driven/postgres/migrations/`, apps);
  const files = readdirSync(folder).filter((file) => file.endsWith('.js'));
  const modules = await Promise.all(files.map((file) => import(new URL(file, folder))));
  return modules.flatMap(({ default: exported }) =>
    Object.values(exported).filter((each) => typeof each === 'function'),
  );
}

for (const [variable, url] of Object.entries(process.env)) {
  const [, name] = /^(.+)_DATABASE_URL$/.exec(variable) ?? [];
  if (name === undefined) continue;
  const context = name.replaceAll('_', '-').toLowerCase();
  try {
    await postgres.migrateDatabase({
      url,
      migrations: await migrationsOf(context),
      onRetry: (error) => process.stderr.write(`${context}: not there yet, retrying: ${error.message}\n`),
    });
    process.stdout.write(`${context}: its schema is up to date\n`);
  } catch (error) {
    process.stderr.write(`${context} can't be migrated: ${error.message}\n`);
    process.exitCode = 1;
  }
}
