// Runs generators one after the other in one process, which saves the start of Nx for each:
//
//   node run-generators.cjs '[["event", { "name": "shipment-lost", "context": "shipping" }]]'
//
// What follows from the sources is updated once, at the end.
const { FsTree, flushChanges } = require('nx/src/generators/tree');
const generators = require('../load.cjs');
const { updateWhatFollows } = require('../src/workspace.ts');

const root = process.cwd();

async function main() {
  for (const [name, options] of JSON.parse(process.argv[2])) {
    const tree = new FsTree(root, false);
    await generators[name](tree, options);
    flushChanges(root, tree.listChanges());
  }
  updateWhatFollows(root, { release: true });
}

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
