import type { ContextDeclaration } from '@atlas/context';
import { Node, SyntaxKind } from 'ts-morph';
import { projectRoot } from '../../project-root';
import { UserError } from '../../user-error';
import { AccessReader } from './access';
import { readAggregates } from './aggregates';
import { told } from './comments';
import { Contracts } from './contracts';
import { readDriving, readEventsIn } from './driving';
import { ideasOf } from './ideas';
import type { Access, ContextModel, EventIn, EventOut, Part } from './model';
import { type PortClass, readPorts } from './ports';
import { readPolicies } from './policies';
import { readTables } from './tables';
import { readSize, readTests } from './tests';
import { readCommands, readQueries } from './use-cases';
import { readWiring, type Wiring } from './wiring';
import { Workspace } from './workspace';

/** Reads the contexts of one workspace; what several of them need is read once. */
export class ContextReader {
  private readonly contracts: Contracts;
  private readonly access: AccessReader;
  private readonly models = new Map<string, Promise<ContextModel>>();
  private readonly handled = new Map<string, readonly EventIn[]>();

  constructor(readonly workspace: Workspace) {
    this.contracts = new Contracts(workspace);
    this.access = new AccessReader(workspace);
  }

  /** Those that have a core of their own: contexts first, then what stands outside; by name. */
  get names(): readonly string[] {
    const order = ['context', 'outside'];
    return this.workspace
      .folders('apps')
      .flatMap((folder) => this.declaration(folder) ?? [])
      .filter(({ kind }) => order.includes(kind))
      .sort((a, b) => order.indexOf(a.kind) - order.indexOf(b.kind) || a.name.localeCompare(b.name))
      .map(({ name }) => name);
  }

  /** @throws UserError if there is no such context; it names those that there are. */
  read(name: string): Promise<ContextModel> {
    const model = this.models.get(name) ?? this.readAnew(name);
    this.models.set(name, model);
    return model;
  }

  async readAll(): Promise<readonly ContextModel[]> {
    const models: ContextModel[] = [];
    for (const name of this.names) models.push(await this.read(name));
    return models;
  }

  private async readAnew(name: string): Promise<ContextModel> {
    const declaration = this.declaration(name);
    if (!declaration) {
      throw new UserError(`There is no context "${name}": choose from ${this.names.join(', ')}`);
    }
    const { workspace } = this;
    const folder = `apps/${name}`;
    const wiring = readWiring(workspace, folder, name);
    const aggregates = readAggregates(workspace, folder);
    const ports = readPorts(workspace, folder, wiring);
    const driving = readDriving(workspace, folder, wiring, this.contracts);
    const access = this.accessOf(ports, wiring);
    const surroundings = { ports, aggregates, driving, access };
    const { title, kind, description, database, topics, processes, stores, environment } = declaration;
    const facts = {
      name,
      title,
      kind,
      description,
      source: {
        file: `${folder}/context.json`,
        line: 1,
        endLine: (workspace.text(`${folder}/context.json`) ?? '').trimEnd().split('\n').length,
      },
      processes: Object.entries(processes).map(([process, { port }]) => ({
        name: process,
        port,
      })),
      ...(database !== undefined && { database }),
      stores,
      topics: {
        ...(topics.publishes !== undefined && { publishes: topics.publishes }),
        consumes: topics.consumes ?? [],
      },
      callsOutside: Object.values(environment).map(({ urlOf }) => urlOf),
      aggregates,
      audited: this.auditedBy(folder, name),
      commands: readCommands(workspace, folder, surroundings),
      queries: readQueries(workspace, folder, surroundings),
      ...driving,
      eventsOut: this.eventsOutOf(folder, name),
      ports: ports.map(({ port }) => port),
      transactions: {
        ...(this.opensTransactions(wiring) && this.access.isolation),
        access,
      },
      tables: await readTables(workspace, folder),
      policies: await readPolicies(workspace, wiring),
      settings: wiring.settings,
      size: readSize(workspace, folder),
      tests: readTests(workspace, folder),
    };
    return { ...facts, ideas: ideasOf(facts) };
  }

  private declaration(folder: string): ContextDeclaration | undefined {
    const declared = this.workspace.json<Partial<ContextDeclaration>>(`apps/${folder}/context.json`);
    // As the schema fills in what is left out.
    return declared && ({ topics: {}, processes: {}, environment: {}, ...declared } as ContextDeclaration);
  }

  private accessOf(ports: readonly PortClass[], { served, file }: Wiring): readonly Access[] {
    return ports.flatMap(({ port }) => {
      const serving = served.find((each) => each.port === port.name);
      const adapter = serving && file && this.workspace.resolve(file, serving.adapter);
      if (!Node.isClassDeclaration(adapter)) return [];
      return port.methods.flatMap((method) => this.access.read(port.name, adapter, method) ?? []);
    });
  }

  private opensTransactions({ file }: Wiring): boolean {
    return (
      file
        ?.getImportDeclarations()
        .some((each) => each.getNamedImports().some((named) => named.getName() === 'PostgresUnitOfWork')) ??
      false
    );
  }

  private eventsOutOf(folder: string, name: string): readonly EventOut[] {
    const used = new Set(
      this.workspace.files(`${folder}/src/adapters/driven/events`).flatMap((file) =>
        file
          .getDescendantsOfKind(SyntaxKind.Identifier)
          .filter((each) => !each.getFirstAncestorByKind(SyntaxKind.ImportDeclaration))
          .map((each) => this.contracts.of(file, each.getText())),
      ),
    );
    const { names } = this;
    return this.contracts.ownedBy(name).map((contract) => ({
      name: contract.name,
      ...(contract.says !== undefined && { says: contract.says }),
      ...(contract.why && { why: contract.why }),
      source: contract.source,
      type: contract.type,
      version: contract.version,
      aggregate: contract.aggregate,
      fields: contract.fields,
      consumers: names.filter((each) => this.handledBy(each).some(({ type }) => type === contract.type)),
      isPublished: used.has(contract),
    }));
  }

  /** The events that a context handles. */
  private handledBy(name: string): readonly EventIn[] {
    let events = this.handled.get(name);
    if (!events) {
      events = readEventsIn(this.workspace, `apps/${name}`, this.contracts);
      this.handled.set(name, events);
    }
    return events;
  }

  private auditedBy(folder: string, name: string): readonly Part[] {
    const file = this.workspace.file(`${folder}/src/${name}.audit.ts`);
    return (file?.getDescendantsOfKind(SyntaxKind.NewExpression) ?? []).flatMap((created) => {
      const [invariant] = created.getArguments();
      if (created.getExpression().getText() !== 'Checking' || !Node.isStringLiteral(invariant)) return [];
      const around = created.getFirstAncestorByKind(SyntaxKind.FunctionDeclaration) ?? created;
      const { why } = told(this.workspace, around);
      return [
        { name: invariant.getLiteralText(), ...(why && { why }), source: this.workspace.sourceOf(created) },
      ];
    });
  }
}

/** @param root the workspace's folder; default: this one. */
export const openContexts = (root: string = projectRoot()): ContextReader =>
  new ContextReader(new Workspace(root));

/**
 * A context as its code describes it.
 * @throws UserError if there is no such context; it names those that there are.
 */
export const readContext = (name: string, root?: string): Promise<ContextModel> =>
  openContexts(root).read(name);

/** All contexts: those of the business first, then what stands outside; by name. */
export const readAll = (root?: string): Promise<readonly ContextModel[]> => openContexts(root).readAll();
