import {
  type CallExpression,
  type ClassDeclaration,
  type MethodDeclaration,
  Node,
  SyntaxKind,
} from 'ts-morph';
import { told } from './comments';
import { memberOf } from './interpreter';
import type { Access, Part, Source } from './model';
import { fieldTypesOf, initialOf } from './wiring';
import type { Workspace } from './workspace';

interface Collected {
  inTransaction: boolean;
  reads: number;
  writes: Access['writes'];
  readonly locks: Set<string>;
  /** By name. */
  readonly turns: Map<string, Part>;
  readonly calls: Set<string>;
}

const STORE = 'libs/adapters/src/postgres/aggregate-store.ts';
const UNIT_OF_WORK = 'libs/adapters/src/postgres/unit-of-work.ts';

/** Follows the calls of adapters to the statements, locks and outside calls that they end in. */
export class AccessReader {
  private readonly strengths: { readonly lock: string; readonly lockDue: string };

  constructor(private readonly workspace: Workspace) {
    const store = workspace.file(STORE)?.getClass('AggregateStore');
    const skips = (method: string) =>
      /skipLocked: true/.test(store?.getInstanceMethod(method)?.getText() ?? '') ? ' SKIP LOCKED' : '';
    this.strengths = {
      lock: `FOR UPDATE${skips('load')}`,
      lockDue: `FOR UPDATE${skips('lockDue')}`,
    };
  }

  /** The isolation level of the platform's units of work, and where it is chosen. */
  get isolation(): { readonly isolation: string; readonly isolationSource: Source } | undefined {
    const transaction = this.workspace
      .file(UNIT_OF_WORK)
      ?.getDescendantsOfKind(SyntaxKind.CallExpression)
      .find(
        (call) => call.getExpression().getText().endsWith('.transaction') && call.getArguments().length > 0,
      );
    const [level] = transaction?.getArguments() ?? [];
    if (!transaction || (Node.isPropertyAccessExpression(level) && level.getText() === 'work'))
      return undefined;
    return {
      isolation: Node.isStringLiteral(level) ? level.getLiteralText() : 'READ COMMITTED',
      isolationSource: this.workspace.sourceOf(transaction),
    };
  }

  /** How an adapter's method, which serves a port's, gets at its data. */
  read(port: string, adapter: ClassDeclaration, name: string): Access | undefined {
    const method = memberOf(this.workspace, adapter, (each) => each.getInstanceMethod(name));
    if (!method) return undefined;
    const found = this.follow(adapter, method);
    return {
      name,
      port,
      ...told(this.workspace, method),
      source: this.workspace.sourceOf(method),
      ...found,
      locks: [...found.locks],
      turns: [...found.turns.values()],
      calls: [...found.calls],
    };
  }

  private follow(of: ClassDeclaration, method: MethodDeclaration): Collected {
    const found: Collected = {
      inTransaction: false,
      reads: 0,
      writes: 'nothing',
      locks: new Set(),
      turns: new Map(),
      calls: new Set(),
    };
    this.collect(of, method, found, new Set());
    return found;
  }

  private collect(of: ClassDeclaration, method: MethodDeclaration, found: Collected, seen: Set<Node>): void {
    if (seen.has(method)) return;
    seen.add(method);
    const types = fieldTypesOf(of);
    for (const call of method.getDescendantsOfKind(SyntaxKind.CallExpression)) {
      const names = chainOf(call);
      const [first, second] = names;
      const last = names.at(-1);
      if (first === undefined || last === undefined) continue;
      if (names.length === 1) {
        const own = memberOf(this.workspace, of, (each) => each.getInstanceMethod(first));
        if (own) this.collect(of, own, found, seen);
        continue;
      }
      switch (types.get(first) ?? '') {
        case 'AggregateStore':
          this.store(of, first, last, found);
          break;
        case 'AppendStore':
          write(found, 'inserts');
          break;
        case 'PostgresUnitOfWork':
        case 'UnitOfWork':
          if (second === 'run') found.inTransaction = true;
          else if (second === 'manager') statement(call, last, found);
          break;
        case 'DataSource':
        case 'EntityManager':
          if (last === 'transaction') found.inTransaction = true;
          else statement(call, last, found);
          break;
        case 'Resilience': {
          const [dependency] = last === 'policy' ? call.getArguments() : [];
          if (Node.isStringLiteral(dependency)) found.calls.add(dependency.getLiteralText());
          break;
        }
        default: {
          const field = this.workspace.resolve(of.getSourceFile(), types.get(first) ?? '');
          if (!Node.isClassDeclaration(field) || !this.workspace.pathOf(field).startsWith('apps/')) break;
          const called = memberOf(this.workspace, field, (each) => each.getInstanceMethod(last));
          if (called) this.collect(field, called, found, seen);
        }
      }
    }
  }

  /** What a method of `AggregateStore` and its base, `Aggregates`, does. */
  private store(of: ClassDeclaration, field: string, method: string, found: Collected): void {
    const { table, turn } = this.mappingOf(of, field);
    const lock = (strength: string) => {
      found.locks.add(`${strength} ${table}`);
      if (turn) found.turns.set(turn.name, turn);
    };
    const isUpdate = method.startsWith('update');
    if (method === 'get' || method === 'getAll') found.reads += 1;
    if (method === 'lockDue' || method === 'updateDue') lock(this.strengths.lockDue);
    else if (method === 'lock' || isUpdate) lock(this.strengths.lock);
    if (method === 'add') write(found, 'inserts');
    if (method === 'save' || isUpdate) write(found, 'changes');
    if (method === 'add' || isUpdate) found.inTransaction = true;
  }

  /** From `this.<field> = new AggregateStore(…, mapping)`. */
  private mappingOf(
    of: ClassDeclaration,
    field: string,
  ): { readonly table: string; readonly turn: Part | undefined } {
    const created = of
      .getDescendantsOfKind(SyntaxKind.BinaryExpression)
      .find((each) => each.getLeft().getText() === `this.${field}`)
      ?.getRight();
    const argument = Node.isNewExpression(created) ? created.getArguments().at(-1) : undefined;
    const mapping = argument && this.objectOf(argument);
    if (!Node.isObjectLiteralExpression(mapping)) return { table: field, turn: undefined };
    const [entity, turn] = ['entity', 'turn'].map((name) => initialOf(mapping, name));
    return { table: (entity && this.tableOf(entity)) ?? field, turn: turn && this.turnOf(turn) };
  }

  private turnOf(turn: Node): Part {
    const constant = this.workspace.resolve(turn.getSourceFile(), turn.getText());
    const declared = Node.isVariableDeclaration(constant) ? constant.getVariableStatement() : undefined;
    const place = declared ?? turn;
    return {
      name: this.textOf(turn) ?? turn.getText(),
      ...told(this.workspace, place),
      source: this.workspace.sourceOf(place),
    };
  }

  private tableOf(entity: Node): string | undefined {
    const schema = this.objectOf(entity);
    const options = Node.isNewExpression(schema) ? schema.getArguments()[0] : undefined;
    const name = Node.isObjectLiteralExpression(options) ? initialOf(options, 'tableName') : undefined;
    return name && this.textOf(name);
  }

  private objectOf(node: Node): Node | undefined {
    return Node.isIdentifier(node) ? this.workspace.constant(node.getSourceFile(), node.getText()) : node;
  }

  private textOf(node: Node): string | undefined {
    const value = this.objectOf(node);
    return Node.isStringLiteral(value) ? value.getLiteralText() : undefined;
  }
}

/** The names in `this.a.b(…).c(…)`: a, b, c; none if it doesn't begin with `this`. */
function chainOf(call: CallExpression): readonly string[] {
  const names: string[] = [];
  for (let each: Node = call.getExpression(); ;) {
    if (Node.isCallExpression(each)) each = each.getExpression();
    else if (Node.isPropertyAccessExpression(each)) {
      names.unshift(each.getName());
      each = each.getExpression();
    } else return Node.isThisExpression(each) ? names : [];
  }
}

function write(found: Collected, what: 'inserts' | 'changes'): void {
  if (found.writes !== 'changes') found.writes = what;
}

/** One call of an entity manager or a data source. */
function statement(call: CallExpression, method: string, found: Collected): void {
  const text = call
    .getArguments()
    .map((each) => each.getText())
    .join('\n');
  const sql = method === 'query' ? text : '';
  const isChange =
    /^(?:upsert|save|update|delete|remove)$/.test(method) ||
    /\b(?:DO UPDATE|UPDATE \w+ SET|DELETE FROM)\b/.test(sql);
  if (isChange) write(found, 'changes');
  else if (method === 'insert' || /\bINSERT INTO\b/.test(sql)) write(found, 'inserts');
  else if (/^(?:query|find\w*|count\w*|exists?\w*)$/.test(method)) found.reads += 1;
  for (const [lock] of sql.matchAll(
    /\bFOR (?:UPDATE|SHARE|NO KEY UPDATE)(?: OF \w+)?(?: SKIP LOCKED| NOWAIT)?/g,
  )) {
    found.locks.add(lock);
  }
  if (/pessimistic_write/.test(text)) found.locks.add('FOR UPDATE');
  if (/\bpg_(?:try_)?advisory_(?:xact_)?lock\(/.test(sql)) {
    found.locks.add(/pg_try_advisory/.test(sql) ? 'advisory lock, or refuse' : 'advisory lock');
  }
}
