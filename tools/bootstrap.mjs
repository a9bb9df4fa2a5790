// What a fresh clone needs before anything else can run, in plain Node without packages:
//
//   node tools/bootstrap.mjs atlas ARGS…            the atlas command
//   node tools/bootstrap.mjs test [ARGS…]           all checks and tests; with arguments: Jest alone, with them
//   node tools/bootstrap.mjs test-project FOLDER    the suites of one project: `nx test`
//   node tools/bootstrap.mjs mutations [ARGS…]      mutation tests
//   node tools/bootstrap.mjs serve APP              one compiled app with its defaults: `nx serve`
//   node tools/bootstrap.mjs run FILE               one compiled file of dist/
//
// Each first installs the packages and compiles the sources if they are out of date, and picks a Node that is new
// enough.
import { fileURLToPath, pathToFileURL } from 'node:url';
import { prepare } from './bootstrap/prepare.mjs';
import { Problem, at, run, say } from './bootstrap/process.mjs';

const commands = {
  async atlas(node, args) {
    const main = at('dist/tools/atlas/src/main.js');
    if (node !== process.execPath)
      return run(node, [main, ...args], { stdio: 'inherit', cwd: process.cwd() });
    // In this process: a platform that runs for long then needs one process less.
    process.argv = [node, main, ...args];
    await import(pathToFileURL(main));
  },
  async test(node, args) {
    const { jest, testAll } = await import('./bootstrap/test.mjs');
    return args.length > 0 ? jest(node, args) : testAll(node);
  },
  async 'test-project'(node, [folder]) {
    const { testProject } = await import('./bootstrap/test.mjs');
    return testProject(node, folder);
  },
  async mutations(node, args) {
    const { testMutations } = await import('./bootstrap/mutations.mjs');
    return testMutations(node, args);
  },
  async serve(node, [app]) {
    const { serve } = await import('./bootstrap/serve.mjs');
    return serve(node, app);
  },
  run: (node, args) => run(node, args, { stdio: 'inherit' }),
};

/** @param {string} name of one of the commands above */
export async function bootstrap(name, args) {
  try {
    if (Number(process.versions.node.split('.')[0]) < 20) {
      throw new Problem(`Node 20 or newer is needed, this is ${process.version}`);
    }
    const command = Object.hasOwn(commands, name ?? '') ? commands[name] : undefined;
    if (!command) throw new Problem(`choose one of ${Object.keys(commands).join(', ')}`);
    const code = await command(await prepare(), args);
    if (code !== undefined) process.exitCode = code;
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    say(error.message);
    process.exitCode = 1;
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  await bootstrap(process.argv[2], process.argv.slice(3));
