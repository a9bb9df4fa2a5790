/** A part of this repository that a new workspace does not get. */
export interface LeftOut {
  /** Tried on the path of each file. */
  readonly path: RegExp;
  readonly why: string;
}

/** What a new workspace does not get: what is the shop's, and what only this repository needs. Everything else is copied. */
export const LEFT_OUT: readonly LeftOut[] = [
  { path: /^apps\/(?!outbox-relay\/)/, why: "the shop's contexts, and the company outside" },
  { path: /^libs\/contracts\/released\//, why: "the shop's released events" },
  {
    path: /^libs\/contracts\/src\/(?!(?:catalogue|evolution\.spec|release|write-async-api)\.ts$)/,
    why: "the shop's events, words and limits",
  },
  { path: /^tools\/shop\//, why: "the shop's verbs: demo, load, chaos; faults on the whole platform" },
  { path: /^tools\/simulate\//, why: "the simulation of the shop's contexts in one process" },
  { path: /^tools\/bench\//, why: 'benchmarks of the shop' },
  { path: /^tools\/mutations\/apps\.json$/, why: "the scores of the shop's contexts" },
  { path: /^tools\/docs\//, why: 'the site of these pages' },
  {
    path: /^tools\/architecture\/src\/breaches\.spec\.ts$|^tools\/atlas\/src\/(?:compare\/.+|generate\/generate|topology)\.spec\.ts$|^tools\/atlas\/test\/(?:compare-facts|databases)\.spec\.ts$/,
    why: 'suites of tools that take the shop as their example',
  },
  {
    path: /^tools\/generators\/(?:create|test)\/|^tools\/create-atlas\.mjs$/,
    why: 'what makes a workspace, and suites of the generators, which take the shop as their example',
  },
  {
    path: /^docs\/(?:(?:README|create|start|walk|shape|benchmarks|faults|guarantees|payments|simulation)\.md$|patterns\/|images\/|asyncapi\.yaml$)/,
    why: 'pages about the shop and this repository',
  },
  { path: /^README\.md$|^package-lock\.json$/, why: 'written anew' },
  { path: /^\.ci\//, why: "this repository's own checks" },
];

/** npm scripts that run something which is left out. */
export const LEFT_OUT_SCRIPTS: ReadonlySet<string> = new Set([
  'bench:load',
  'bench:relay',
  'chaos:embedded',
  'chaos:provider',
  'docs',
  'docs:serve',
  'simulate',
  'test:generate',
  'test:k8s',
  'test:k8s:short',
]);

/** Suites that `npm run test:faults` names by a part of their path, and that are left out. */
export const LEFT_OUT_SUITES = /^shop\//;

export const isLeftOut = (path: string): boolean => LEFT_OUT.some((each) => each.path.test(path));
