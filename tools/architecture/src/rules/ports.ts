import ts from 'typescript';
import { appOf, CODE, type Rule, type Workspace } from '../workspace';
import { baseOf, importsOf, isAbstract, namesIn, nodesOf, targetOf } from '../syntax';

/** An abstract class that says what is needed from outside. */
interface Port {
  readonly name: string;
  readonly file: string;
}

interface Adapter {
  readonly name: string;
  readonly file: string;
}

/** One list of cases for every adapter of its ports. */
interface Suite {
  /** The function that holds the cases. */
  readonly name: string;
  readonly file: string;
  /** The names of the ports that it is handed. */
  readonly ports: ReadonlySet<string>;
}

/** A call of a suite in a test: everything that what makes the adapters names. */
interface Run {
  readonly suite: string;
  readonly file: string;
  readonly names: ReadonlySet<string>;
}

const classesIn = (workspace: Workspace, path: string) =>
  nodesOf(workspace.source(path), ts.isClassDeclaration);

/** The ports of apps belong to them, those of libs/ports to the platform. */
const ownerOf = (path: string): string => (path.startsWith('apps/') ? `apps/${appOf(path)}` : 'libs');

function portsOf(workspace: Workspace): readonly Port[] {
  const files = workspace.paths(
    /^(?:apps\/[^/]+\/src\/application\/ports|libs\/ports\/src\/.*(?<!\.spec))\.ts$/,
  );
  return files.flatMap((file) =>
    classesIn(workspace, file)
      .filter(isAbstract)
      .map(({ name }) => ({ name: name?.text ?? '', file })),
  );
}

function adaptersOf(workspace: Workspace, port: Port): readonly Adapter[] {
  const owner = ownerOf(port.file);
  const extendsIt = new RegExp(`\\bextends ${port.name}\\b`);
  return workspace
    .paths(CODE)
    .filter((file) => ownerOf(file) === owner && extendsIt.test(workspace.text(file)))
    .flatMap((file) =>
      classesIn(workspace, file)
        .filter((each) => baseOf(each) === port.name && !isAbstract(each))
        .map(({ name }) => ({ name: name?.text ?? '', file })),
    );
}

/** A suite names its ports in its parameters and in the interfaces of what it is handed. */
function suitesOf(workspace: Workspace, portNames: ReadonlySet<string>): readonly Suite[] {
  return workspace.paths(/^(?:apps|libs)\/.*\.contract\.ts$/).flatMap((file) => {
    const source = workspace.source(file);
    const interfaces = nodesOf(source, ts.isInterfaceDeclaration);
    return nodesOf(source, ts.isFunctionDeclaration)
      .filter(({ name }) => name?.text.endsWith('Contract'))
      .map(({ name, parameters }) => ({
        name: name?.text ?? '',
        file,
        ports: new Set(
          [...interfaces, ...parameters]
            .flatMap((each) => [...namesIn(each)])
            .filter((each) => portNames.has(each)),
        ),
      }));
  });
}

function runsOf(workspace: Workspace): readonly Run[] {
  const files = workspace.paths(/^(?:apps|libs)\/.*\.spec\.ts$/);
  const running = files.filter((file) => workspace.text(file).includes('Contract('));
  return running.flatMap((file) =>
    nodesOf(workspace.source(file), ts.isCallExpression).flatMap((call) => {
      if (!ts.isIdentifier(call.expression) || !call.expression.text.endsWith('Contract')) return [];
      const made = call.arguments.at(-1);
      if (!made) return [];
      return [{ suite: call.expression.text, file, names: namesBehind(workspace, file, made) }];
    }),
  );
}

/** The names below a node, and below what they are in this file and in the fixtures that it imports. */
function namesBehind(workspace: Workspace, file: string, node: ts.Node): ReadonlySet<string> {
  const source = workspace.source(file);
  const fixtures = importsOf(source)
    .map(({ module }) => `${targetOf(file, module) ?? ''}.ts`)
    .filter((path) => /\.fixture\.ts$|\/test\/[^/]+(?<!\.contract)\.ts$/.test(path) && workspace.has(path));
  const sources = [source, ...fixtures.map((path) => workspace.source(path))];
  const found = new Set<string>();
  const visit = (each: ts.Node): void => {
    for (const name of namesIn(each)) {
      if (found.has(name)) continue;
      found.add(name);
      for (const declaration of sources.flatMap((one) => declarationsOf(one, name))) visit(declaration);
    }
  };
  visit(node);
  return found;
}

/** What a file declares under a name, at its top level. */
const declarationsOf = (source: ts.SourceFile, name: string): readonly ts.Node[] =>
  source.statements.flatMap((statement): readonly ts.Node[] => {
    if (ts.isVariableStatement(statement)) {
      return statement.declarationList.declarations.filter((each) => each.name.getText() === name);
    }
    const isNamed = ts.isFunctionDeclaration(statement) || ts.isClassDeclaration(statement);
    return isNamed && statement.name?.text === name ? [statement] : [];
  });

/** The adapters that modules have serve a port: whoever asks the container for the port gets one of them. */
function servedBy(workspace: Workspace, port: Port): ReadonlySet<string> {
  const modules = workspace.paths(CODE).filter((path) => path.endsWith('.module.ts'));
  const calls = modules
    .filter((path) => ownerOf(path) === ownerOf(port.file))
    .flatMap((path) => nodesOf(workspace.source(path), ts.isCallExpression))
    .filter(
      ({ expression, arguments: [served] }) =>
        expression.getText() === 'serve' && served?.getText() === port.name,
    );
  return new Set(calls.flatMap(({ arguments: [, adapter] }) => adapter?.getText() ?? []));
}

export const portsHaveSuites: Rule = {
  name: 'Every port has a contract suite, and every adapter runs it',
  check: (workspace) => {
    const ports = portsOf(workspace);
    const suites = suitesOf(workspace, new Set(ports.map(({ name }) => name)));
    const runs = runsOf(workspace);
    return ports.flatMap((port) => {
      const owner = ownerOf(port.file);
      const adapters = adaptersOf(workspace, port);
      if (adapters.length === 0) {
        return [
          `The port ${port.name} in ${port.file} has no adapter: add one that serves it, or remove the port.`,
        ];
      }
      const own = suites.filter(
        ({ file, ports: covered }) => covered.has(port.name) && ownerOf(file) === owner,
      );
      if (own.length === 0) {
        const [only] = adapters;
        // A port with one adapter may be held to its promise by that adapter's own tests.
        if (adapters.length === 1 && only && workspace.has(only.file.replace(/\.ts$/, '.spec.ts'))) return [];
        return [
          `The port ${port.name} in ${port.file} has no contract suite: write one in a .contract.ts file, and run it on ` +
            `${adapters.map(({ name }) => name).join(' and ')}.`,
        ];
      }
      const served = servedBy(workspace, port);
      return own.flatMap((suite) =>
        adapters
          .filter(
            ({ name }) =>
              !runs.some(
                (run) =>
                  run.suite === suite.name &&
                  ownerOf(run.file) === owner &&
                  (run.names.has(name) || (served.has(name) && run.names.has(port.name))),
              ),
          )
          .map(
            ({ name, file }) =>
              `${name} in ${file} does not run ${suite.name} in ${suite.file}, the contract suite of ${port.name}: call ` +
              'it with this adapter in a test.',
          ),
      );
    });
  },
};
