import ts from 'typescript';
import { type ContextDeclaration, processesOf } from '@atlas/context';
import { appOf, CODE, type Rule, type Workspace } from '../workspace';
import { importsOf, nodesOf } from '../syntax';

/** Packages that call others over HTTP. */
const CLIENTS =
  /^(?:undici|axios|got|ky|needle|superagent|node-fetch|cross-fetch|ofetch|request|ws|@nestjs\/axios|@grpc\/.*)$/;
/** Node's modules have both sides; these are the caller's. */
const NODE = /^(?:node:)?(?:https?|http2)$/;
const CALLS = new Set(['*', 'request', 'get', 'Agent', 'connect', 'WebSocket']);
/** What Node offers without an import. */
const GLOBALS = new Set(['fetch', 'WebSocket', 'EventSource']);

/** How a file calls others over HTTP; undefined if it doesn't. */
function clientIn(workspace: Workspace, path: string): string | undefined {
  const source = workspace.source(path);
  const imported = importsOf(source).find(
    ({ module, names, isType }) =>
      !isType && (CLIENTS.test(module) || (NODE.test(module) && names.some((name) => CALLS.has(name)))),
  );
  if (imported) return `"${imported.module}"`;
  // Most files need no closer look.
  if (!/\b(?:fetch|WebSocket|EventSource)\b/.test(source.text)) return undefined;
  const global = nodesOf(
    source,
    (node): node is ts.CallExpression | ts.NewExpression =>
      ts.isCallExpression(node) || ts.isNewExpression(node),
  )
    .map(({ expression }) => expression.getText().replace(/^globalThis\./, ''))
    .find((callee) => GLOBALS.has(callee) && !declares(source, callee));
  return global && `${global}()`;
}

/** Whether a file gives this name to something of its own, so that it isn't the global one. */
const declares = (source: ts.SourceFile, name: string): boolean =>
  nodesOf(source, isDeclaration).some((each) => each.name?.getText() === name);

const isDeclaration = (
  node: ts.Node,
): node is ts.VariableDeclaration | ts.BindingElement | ts.ParameterDeclaration | ts.FunctionDeclaration =>
  ts.isVariableDeclaration(node) ||
  ts.isBindingElement(node) ||
  ts.isParameter(node) ||
  ts.isFunctionDeclaration(node);

/** The settings of an app that are URLs of other processes, with what kind of process each is. */
function urlsOf(
  declaration: ContextDeclaration,
  declarations: readonly ContextDeclaration[],
): readonly { setting: string; process: string; kind: string }[] {
  const processes = processesOf(declarations);
  return Object.entries(declaration.environment).map(([setting, { urlOf: process }]) => ({
    setting,
    process,
    kind: processes.find(({ name }) => name === process)?.kind ?? 'none',
  }));
}

export const eventsOnly: Rule = {
  name: 'Contexts call no other over HTTP',
  check: (workspace) => {
    const declarations = [...workspace.declarations.values()];
    const urls = declarations.flatMap((declaration) =>
      urlsOf(declaration, declarations)
        .filter(({ kind }) => kind !== 'outside')
        .map(
          ({ setting, process }) =>
            `apps/${declaration.name}/context.json gives ${declaration.name} the URL of ${process} in ${setting}: ` +
            'contexts talk through events alone. Consume the events that it needs and keep its own copy; only a ' +
            'company outside ("kind": "outside") is called.',
        ),
    );
    const clients = workspace.paths(CODE).flatMap((path) => {
      const declaration = path.startsWith('apps/') ? workspace.declarations.get(appOf(path)) : undefined;
      if (declaration?.kind === 'outside') return [];
      const client = clientIn(workspace, path);
      if (!client) return [];
      if (!declaration) {
        return [
          `${path} calls others over HTTP with ${client}: the platform offers no HTTP client, so that no context can ` +
            'call another through it. Move it to the adapter of the context that calls a company outside.',
        ];
      }
      if (!urlsOf(declaration, declarations).some(({ kind }) => kind === 'outside')) {
        return [
          `${path} calls others over HTTP with ${client}, but apps/${declaration.name}/context.json names no company ` +
            'outside: contexts talk through events alone. Consume events instead.',
        ];
      }
      if (!path.includes('/adapters/driven/')) {
        return [
          `${path} calls others over HTTP with ${client}: a call to a company outside belongs into a driven adapter, ` +
            'apps/<context>/src/adapters/driven/<company>/.',
        ];
      }
      return [];
    });
    return [...urls, ...clients];
  },
};
