import { type ClassDeclaration, Node, type SourceFile, SyntaxKind } from 'ts-morph';
import { kebab } from '../words';
import { told } from './comments';
import type { Adapter, Port, Suite } from './model';
import { casesOf } from './tests';
import type { Wiring } from './wiring';
import type { Workspace } from './workspace';

export interface PortClass {
  readonly port: Port;
  readonly node: ClassDeclaration;
}

/**
 * The ports of a context: the abstract classes of `application/ports.ts`, with their adapters: the classes that extend
 * them.
 */
export function readPorts(workspace: Workspace, folder: string, wiring: Wiring): readonly PortClass[] {
  const file = workspace.file(`${folder}/src/application/ports.ts`);
  const adapters = workspace.files(`${folder}/src/adapters/driven`).flatMap((each) => each.getClasses());
  const suites = readSuites(workspace, folder);
  return (file?.getClasses() ?? [])
    .filter((each) => each.isAbstract())
    .map((port) => {
      const name = port.getName() ?? '';
      const own = suites.filter(({ ports }) => ports.includes(name));
      // A suite may need other ports, too; it is named after the one that it is for.
      const suite = own.find((each) => each.suite.file.endsWith(`/${kebab(name)}.contract.ts`)) ?? own[0];
      const serving = wiring.served.find((each) => each.port === name);
      const read: Port = {
        name,
        ...told(workspace, port),
        source: workspace.sourceOf(port),
        methods: port.getMethods().map((method) => method.getName()),
        adapters: adapters
          .filter((adapter) => adapter.getExtends()?.getExpression().getText() === name)
          .map((adapter) => adapterOf(workspace, folder, adapter, serving))
          .sort((a, b) => Number(b.isServed) - Number(a.isServed)),
        ...(suite && { suite: suite.suite }),
      };
      return { port: read, node: port };
    });
}

function adapterOf(
  workspace: Workspace,
  folder: string,
  adapter: ClassDeclaration,
  serving: Wiring['served'][number] | undefined,
): Adapter {
  const name = adapter.getName() ?? '';
  const path = workspace.pathOf(adapter).slice(`${folder}/src/adapters/driven/`.length);
  const isServed = serving?.adapter === name;
  const own = told(workspace, adapter);
  const inModule = isServed ? told(workspace, serving.call) : {};
  return {
    name,
    ...inModule,
    ...own,
    source: workspace.sourceOf(adapter),
    technology: path.includes('/') ? (path.split('/')[0] as string) : 'driven',
    isServed,
  };
}

interface FoundSuite {
  readonly ports: readonly string[];
  readonly suite: Suite;
}

/** Contract suites are functions of `test/*.contract.ts`; a suite belongs to the ports that its file imports. */
function readSuites(workspace: Workspace, folder: string): readonly FoundSuite[] {
  const tests = workspace.files(`${folder}/test`);
  const specs = tests.filter((file) => file.getFilePath().endsWith('.spec.ts'));
  return tests
    .filter((file) => file.getFilePath().endsWith('.contract.ts'))
    .map((file) => {
      const names = new Set(
        file.getFunctions().flatMap((each) => (each.isExported() ? (each.getName() ?? []) : [])),
      );
      return {
        ports: importedPorts(file),
        suite: {
          file: workspace.pathOf(file),
          cases: casesOf(file),
          against: specs.flatMap((spec) =>
            spec
              .getDescendantsOfKind(SyntaxKind.CallExpression)
              .filter((call) => names.has(call.getExpression().getText()))
              .flatMap((call) => {
                const [label] = call.getArguments();
                return Node.isStringLiteral(label) ? [label.getLiteralText()] : [];
              }),
          ),
        },
      };
    });
}

const importedPorts = (file: SourceFile): readonly string[] =>
  file
    .getImportDeclarations()
    .filter((each) => each.getModuleSpecifierValue().endsWith('application/ports'))
    .flatMap((each) => each.getNamedImports().map((named) => named.getName()));
