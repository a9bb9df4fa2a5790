import {
  type BinaryExpression,
  type ClassDeclaration,
  Node,
  type ParameterDeclaration,
  SyntaxKind,
} from 'ts-morph';
import type { Workspace } from './workspace';

/**
 * What is known of a value without running the code: a literal; an object's properties; an instance of a class, with the
 * parameter properties of its constructor; a list; a function; or nothing but that it is there (`some`), or not even that
 * (`any`).
 */
export type Value =
  | { readonly kind: 'literal'; readonly value: string | number | boolean | null | undefined }
  /** `isOpen`: it may have more fields than these. */
  | { readonly kind: 'object'; readonly fields: ReadonlyMap<string, Value>; readonly isOpen?: boolean }
  | { readonly kind: 'instance'; readonly of: ClassDeclaration; readonly fields: ReadonlyMap<string, Value> }
  | { readonly kind: 'list'; readonly items: readonly Value[] }
  | { readonly kind: 'function'; readonly node: Callable; readonly scope: Scope }
  | { readonly kind: 'class'; readonly node: ClassDeclaration }
  | { readonly kind: 'some' }
  | { readonly kind: 'any' };

export const ANY: Value = { kind: 'any' };
export const SOME: Value = { kind: 'some' };
export const literal = (value: string | number | boolean | null | undefined): Value => ({
  kind: 'literal',
  value,
});
const UNDEFINED = literal(undefined);

interface Scope {
  readonly names: Map<string, Value>;
  readonly self: Value;
  readonly parent?: Scope;
}

type Callable = Node & {
  getParameters(): ParameterDeclaration[];
  getBody?(): Node | undefined;
};

/** The evaluation has run into a `throw`. */
class Thrown extends Error {}
class Returned extends Error {
  constructor(readonly value: Value) {
    super();
  }
}

const MAX_PATHS = 512;
const MAX_DEPTH = 40;

/**
 * Evaluates code of a domain without running it. Where a condition is unknown, both ways are taken, so a call has several
 * outcomes. What it doesn't understand is `any`, never an error: then it finds more outcomes than there are.
 */
export class Interpreter {
  private choices: boolean[] = [];
  private next = 0;
  private depth = 0;

  constructor(private readonly workspace: Workspace) {}

  /** The outcomes of all ways through `evaluate`, without those that throw. */
  private outcomes(evaluate: () => Value): readonly Value[] {
    const found: Value[] = [];
    this.choices = [];
    for (let paths = 0; paths < MAX_PATHS; paths++) {
      this.next = 0;
      this.depth = 0;
      try {
        found.push(evaluate());
      } catch (error) {
        if (!(error instanceof Thrown)) throw error;
      }
      while (this.choices.at(-1) === false) this.choices.pop();
      if (this.choices.length === 0) break;
      this.choices[this.choices.length - 1] = false;
    }
    return found;
  }

  /** What calling a method of `self` may yield; its arguments are unknown. @param self an instance or a class. */
  call(self: Value, method: Callable): readonly Value[] {
    return this.outcomes(() => this.invoke(method, self, undefined, undefined));
  }

  /** What an expression may yield. @param names values of names, before those of the code. */
  evaluate(expression: Node, names: ReadonlyMap<string, Value> = new Map()): readonly Value[] {
    const scope: Scope = { names: new Map(names), self: ANY };
    return this.outcomes(() => this.expression(expression, scope));
  }

  private decide(condition: Value): boolean {
    const known = truth(condition);
    if (known !== undefined) return known;
    if (this.next === this.choices.length) this.choices.push(true);
    return this.choices[this.next++] as boolean;
  }

  private invoke(
    node: Callable,
    self: Value,
    args: readonly Value[] | undefined,
    parent: Scope | undefined,
  ): Value {
    const body = node.getBody?.();
    if (!body || this.depth >= MAX_DEPTH) return ANY;
    const scope: Scope = { names: new Map(), self, ...(parent && { parent }) };
    node.getParameters().forEach((parameter, index) => {
      const given = parameter.isRestParameter()
        ? args && { kind: 'list' as const, items: args.slice(index) }
        : args?.[index];
      this.bind(parameter.getNameNode(), given ?? this.ofParameter(parameter, args, scope), scope);
    });
    this.depth += 1;
    try {
      if (!Node.isBlock(body)) return this.expression(body, scope);
      this.block(body, scope);
      return UNDEFINED;
    } catch (signal) {
      if (signal instanceof Returned) return signal.value;
      throw signal;
    } finally {
      this.depth -= 1;
    }
  }

  private ofParameter(
    parameter: ParameterDeclaration,
    args: readonly Value[] | undefined,
    scope: Scope,
  ): Value {
    const initial = parameter.getInitializer();
    if (initial) return args ? this.expression(initial, scope) : ANY;
    if (args) return UNDEFINED;
    const type = parameter.getTypeNode()?.getText() ?? '';
    return parameter.hasQuestionToken() || /\b(?:undefined|null|boolean|number)\b/.test(type) ? ANY : SOME;
  }

  private block(block: Node, scope: Scope): void {
    const inner: Scope = { names: new Map(), self: scope.self, parent: scope };
    for (const statement of Node.isBlock(block) ? block.getStatements() : [block]) {
      this.statement(statement, inner);
    }
  }

  private statement(statement: Node, scope: Scope): void {
    if (Node.isReturnStatement(statement)) {
      const value = statement.getExpression();
      throw new Returned(value ? this.expression(value, scope) : UNDEFINED);
    }
    if (Node.isThrowStatement(statement)) throw new Thrown();
    if (Node.isIfStatement(statement)) {
      const otherwise = statement.getElseStatement();
      if (this.decide(this.expression(statement.getExpression(), scope))) {
        this.block(statement.getThenStatement(), scope);
      } else if (otherwise) this.block(otherwise, scope);
      return;
    }
    if (Node.isVariableStatement(statement)) {
      for (const declaration of statement.getDeclarations()) {
        const initial = declaration.getInitializer();
        this.bind(declaration.getNameNode(), initial ? this.expression(initial, scope) : UNDEFINED, scope);
      }
      return;
    }
    if (Node.isSwitchStatement(statement)) {
      const value = this.expression(statement.getExpression(), scope);
      const clauses = statement.getClauses();
      const first = clauses.findIndex(
        (clause) =>
          !Node.isCaseClause(clause) ||
          this.decide(compare('===', value, this.expression(clause.getExpression(), scope))),
      );
      if (first < 0) return;
      for (const clause of clauses.slice(first)) {
        for (const each of clause.getStatements()) {
          if (Node.isBreakStatement(each)) return;
          this.statement(each, scope);
        }
      }
      return;
    }
    if (Node.isBlock(statement)) this.block(statement, scope);
    else if (Node.isExpressionStatement(statement)) this.expression(statement.getExpression(), scope);
    // A loop is taken not to change what the rest depends on.
  }

  private bind(name: Node, value: Value, scope: Scope): void {
    if (Node.isIdentifier(name)) scope.names.set(name.getText(), value);
    else if (Node.isObjectBindingPattern(name)) {
      const taken = new Set<string>();
      for (const element of name.getElements()) {
        const key = element.getPropertyNameNode()?.getText() ?? element.getName();
        if (element.getDotDotDotToken()) {
          const fields = fieldsOf(value);
          const rest = fields && new Map([...fields].filter(([each]) => !taken.has(each)));
          this.bind(element.getNameNode(), rest ? { kind: 'object', fields: rest } : SOME, scope);
          continue;
        }
        taken.add(key);
        const computed = /^\[(.+)\]$/.test(key);
        this.bind(
          element.getNameNode(),
          this.orDefault(computed ? ANY : this.property(value, key), element.getInitializer(), scope),
          scope,
        );
      }
    } else if (Node.isArrayBindingPattern(name)) {
      name.getElements().forEach((element, index) => {
        if (!Node.isBindingElement(element)) return;
        const isRest = element.getDotDotDotToken() !== undefined;
        const found: Value =
          value.kind !== 'list'
            ? isRest
              ? SOME
              : ANY
            : isRest
              ? { kind: 'list', items: value.items.slice(index) }
              : (value.items[index] ?? UNDEFINED);
        this.bind(element.getNameNode(), this.orDefault(found, element.getInitializer(), scope), scope);
      });
    }
  }

  private orDefault(value: Value, initial: Node | undefined, scope: Scope): Value {
    if (!initial) return value;
    if (value.kind === 'literal') return value.value === undefined ? this.expression(initial, scope) : value;
    return value;
  }

  private expression(node: Node, scope: Scope): Value {
    if (
      Node.isParenthesizedExpression(node) ||
      Node.isAsExpression(node) ||
      Node.isSatisfiesExpression(node) ||
      Node.isNonNullExpression(node) ||
      Node.isAwaitExpression(node)
    )
      return this.expression(node.getExpression(), scope);
    if (Node.isStringLiteral(node) || Node.isNoSubstitutionTemplateLiteral(node))
      return literal(node.getLiteralText());
    if (Node.isNumericLiteral(node)) return literal(node.getLiteralValue());
    if (Node.isTrueLiteral(node)) return literal(true);
    if (Node.isFalseLiteral(node)) return literal(false);
    if (Node.isNullLiteral(node)) return literal(null);
    if (Node.isThisExpression(node)) return scope.self;
    if (Node.isIdentifier(node)) return this.name(node.getText(), node, scope);
    if (Node.isPropertyAccessExpression(node)) {
      return this.property(this.expression(node.getExpression(), scope), node.getName());
    }
    if (Node.isElementAccessExpression(node)) {
      const index = node.getArgumentExpression();
      const of = this.expression(node.getExpression(), scope);
      const key = index && this.expression(index, scope);
      return key?.kind === 'literal' ? this.property(of, String(key.value)) : ANY;
    }
    if (Node.isConditionalExpression(node)) {
      const chosen = this.decide(this.expression(node.getCondition(), scope));
      return this.expression(chosen ? node.getWhenTrue() : node.getWhenFalse(), scope);
    }
    if (Node.isBinaryExpression(node)) return this.binary(node, scope);
    if (Node.isPrefixUnaryExpression(node)) {
      const operand = this.expression(node.getOperand(), scope);
      if (node.getOperatorToken() === SyntaxKind.MinusToken) {
        return operand.kind === 'literal' ? literal(-Number(operand.value)) : ANY;
      }
      const known = truth(operand);
      return node.getOperatorToken() === SyntaxKind.ExclamationToken && known !== undefined
        ? literal(!known)
        : ANY;
    }
    if (Node.isObjectLiteralExpression(node)) return this.object(node, scope);
    if (Node.isArrayLiteralExpression(node)) return this.list(node, scope);
    if (Node.isArrowFunction(node) || Node.isFunctionExpression(node))
      return { kind: 'function', node: node, scope };
    if (Node.isCallExpression(node)) return this.callExpression(node, scope);
    if (Node.isNewExpression(node)) return this.construct(node, scope);
    if (Node.isTemplateExpression(node)) return SOME;
    return ANY;
  }

  private name(name: string, node: Node, scope: Scope): Value {
    if (name === 'undefined') return UNDEFINED;
    if (name === 'Infinity') return literal(Infinity);
    for (let each: Scope | undefined = scope; each; each = each.parent) {
      const value = each.names.get(name);
      if (value) return value;
    }
    return this.global(node, name);
  }

  /** What stands at the top of a file. */
  private global(node: Node, name: string): Value {
    const found = this.workspace.resolve(node.getSourceFile(), name);
    const scope: Scope = { names: new Map(), self: ANY };
    if (Node.isClassDeclaration(found)) return { kind: 'class', node: found };
    if (Node.isFunctionDeclaration(found)) return { kind: 'function', node: found, scope };
    if (Node.isVariableDeclaration(found)) {
      const initial = found.getInitializer();
      if (initial && this.depth < MAX_DEPTH) {
        this.depth += 1;
        const value = this.expression(initial, scope);
        this.depth -= 1;
        return value;
      }
    }
    return ANY;
  }

  private property(of: Value, name: string): Value {
    if (of.kind === 'list')
      return of.items[Number(name)] ?? (name === 'length' ? literal(of.items.length) : ANY);
    const fields = fieldsOf(of);
    const known = fields?.get(name);
    if (known) return known;
    if (of.kind === 'instance') {
      const getter = memberOf(this.workspace, of.of, (each) => each.getGetAccessor(name));
      if (getter) return this.invoke(getter, of, [], undefined);
      return ANY;
    }
    return of.kind === 'object' && !of.isOpen ? UNDEFINED : ANY;
  }

  private binary(node: BinaryExpression, scope: Scope): Value {
    const operator = node.getOperatorToken().getText();
    const left = this.expression(node.getLeft(), scope);
    const right = () => this.expression(node.getRight(), scope);
    switch (operator) {
      case '&&':
        return this.decide(left) ? right() : left.kind === 'literal' ? left : literal(false);
      case '||':
        return this.decide(left) ? (truth(left) === undefined ? SOME : left) : right();
      case '??': {
        if (left.kind === 'literal') return left.value === undefined || left.value === null ? right() : left;
        return left.kind === 'any' && !this.decide(ANY) ? right() : left.kind === 'any' ? SOME : left;
      }
      default:
        return compare(operator, left, right());
    }
  }

  private object(node: Node & { getProperties(): Node[] }, scope: Scope): Value {
    const fields = new Map<string, Value>();
    let isOpen = false;
    for (const property of node.getProperties()) {
      if (Node.isSpreadAssignment(property)) {
        const spread = this.expression(property.getExpression(), scope);
        const added = fieldsOf(spread);
        if (added) for (const [name, value] of added) fields.set(name, value);
        else if (spread.kind !== 'literal') isOpen = true;
      } else if (Node.isPropertyAssignment(property)) {
        const initial = property.getInitializer();
        const name = property.getNameNode();
        if (!initial) continue;
        if (Node.isComputedPropertyName(name)) isOpen = true;
        else fields.set(nameOf(name), this.expression(initial, scope));
      } else if (Node.isShorthandPropertyAssignment(property)) {
        fields.set(property.getName(), this.name(property.getName(), property, scope));
      }
    }
    return { kind: 'object', fields, isOpen };
  }

  private list(node: Node & { getElements(): Node[] }, scope: Scope): Value {
    const items: Value[] = [];
    for (const element of node.getElements()) {
      if (!Node.isSpreadElement(element)) {
        items.push(this.expression(element, scope));
        continue;
      }
      const spread = this.expression(element.getExpression(), scope);
      if (spread.kind !== 'list') return SOME;
      items.push(...spread.items);
    }
    return { kind: 'list', items };
  }

  private callExpression(
    node: Node & { getExpression(): Node; getArguments(): Node[] },
    scope: Scope,
  ): Value {
    const callee = node.getExpression();
    const args = node.getArguments().map((each) => this.expression(each, scope));
    if (Node.isPropertyAccessExpression(callee)) {
      const of = this.expression(callee.getExpression(), scope);
      return this.callMethod(of, callee.getName(), args);
    }
    const called = this.expression(callee, scope);
    return called.kind === 'function' ? this.invoke(called.node, ANY, args, called.scope) : ANY;
  }

  private callMethod(of: Value, name: string, args: readonly Value[]): Value {
    if (of.kind === 'instance') {
      const method = memberOf(this.workspace, of.of, (each) => each.getInstanceMethod(name));
      return method ? this.invoke(method, of, args, undefined) : ANY;
    }
    if (of.kind === 'class') {
      const method = memberOf(this.workspace, of.node, (each) => each.getStaticMethod(name));
      return method ? this.invoke(method, of, args, undefined) : ANY;
    }
    if (of.kind === 'list' && name === 'includes' && args[0]) return includes(of.items, args[0]);
    const field = fieldsOf(of)?.get(name);
    return field?.kind === 'function' ? this.invoke(field.node, ANY, args, field.scope) : ANY;
  }

  private construct(node: Node & { getExpression(): Node; getArguments(): Node[] }, scope: Scope): Value {
    const of = this.expression(node.getExpression(), scope);
    if (of.kind !== 'class') return SOME;
    const args = node.getArguments().map((each) => this.expression(each, scope));
    const [constructor] = of.node.getConstructors();
    const fields = (constructor?.getParameters() ?? []).flatMap((parameter, index) =>
      parameter.isParameterProperty()
        ? [[parameter.getName(), args[index] ?? this.ofParameter(parameter, args, scope)] as const]
        : [],
    );
    return { kind: 'instance', of: of.node, fields: new Map(fields) };
  }
}

/** A class's own member, or the one that it inherits. */
export function memberOf<Member>(
  workspace: Workspace,
  of: ClassDeclaration,
  find: (of: ClassDeclaration) => Member | undefined,
): Member | undefined {
  const own = find(of);
  if (own) return own;
  const base = baseOf(workspace, of);
  return base && memberOf(workspace, base, find);
}

function baseOf(workspace: Workspace, of: ClassDeclaration): ClassDeclaration | undefined {
  const name = of.getExtends()?.getExpression().getText();
  const base = name === undefined ? undefined : workspace.resolve(of.getSourceFile(), name);
  return Node.isClassDeclaration(base) ? base : undefined;
}

const nameOf = (name: Node): string => (Node.isStringLiteral(name) ? name.getLiteralText() : name.getText());

export const fieldsOf = (value: Value): ReadonlyMap<string, Value> | undefined =>
  value.kind === 'object' || value.kind === 'instance' ? value.fields : undefined;

/** Undefined: unknown. */
function truth(value: Value): boolean | undefined {
  if (value.kind === 'literal') return Boolean(value.value);
  // `some` may still be 0 or an empty text; objects, lists and functions are true.
  return value.kind === 'any' || value.kind === 'some' ? undefined : true;
}

function includes(items: readonly Value[], sought: Value): Value {
  const results = items.map((item) => compare('===', item, sought));
  if (results.some((each) => each.kind === 'literal' && each.value === true)) return literal(true);
  return results.every((each) => each.kind === 'literal') ? literal(false) : ANY;
}

function compare(operator: string, left: Value, right: Value): Value {
  const negate = operator === '!==' || operator === '!=';
  if (left.kind === 'literal' && right.kind === 'literal') {
    const [a, b] = [left.value, right.value] as [number, number];
    switch (operator) {
      case '===':
      case '==':
        return literal(a === b);
      case '!==':
      case '!=':
        return literal(a !== b);
      case '<':
        return literal(a < b);
      case '<=':
        return literal(a <= b);
      case '>':
        return literal(a > b);
      case '>=':
        return literal(a >= b);
      case '+':
        return literal(a + b);
      case '-':
        return literal(a - b);
      case '*':
        return literal(a * b);
      case '/':
        return literal(a / b);
      case '**':
        return literal(a ** b);
      default:
        return ANY;
    }
  }
  if (!['===', '==', '!==', '!='].includes(operator)) return ANY;
  // What is there is neither undefined nor null.
  const isNothing = (value: Value) =>
    value.kind === 'literal' && (value.value === undefined || value.value === null);
  const isThere = (value: Value) => value.kind !== 'any' && value.kind !== 'literal';
  return (isNothing(left) && isThere(right)) || (isThere(left) && isNothing(right)) ? literal(negate) : ANY;
}
