import { type ClassDeclaration, Node } from 'ts-morph';
import { fieldsOf, Interpreter, literal, SOME, ANY, type Value } from './interpreter';
import type { State, Transition } from './model';
import type { Workspace } from './workspace';

/** What of an aggregate decides which transitions it takes. */
type Fields = ReadonlyMap<string, Value>;

/** Against an aggregate whose fields keep taking new values: it is cut off there. */
const MAX_SITUATIONS = 400;

/**
 * The life cycle of an aggregate: an aggregate has one if its state has a field `status`. Every method that yields a
 * change is evaluated in every situation that can be reached from a new aggregate. A situation is the status together
 * with what else is known, such as whether there is a deadline; so no transition is listed that the code can't take for
 * such a reason.
 */
export function lifeCycleOf(
  workspace: Workspace,
  of: ClassDeclaration,
): { readonly states: readonly State[]; readonly transitions: readonly Transition[] } {
  const parameter = of.getConstructors()[0]?.getParameters()[0];
  const declared =
    parameter && workspace.resolve(of.getSourceFile(), parameter.getTypeNode()?.getText() ?? '');
  if (!parameter?.isParameterProperty() || !Node.isInterfaceDeclaration(declared)) return NONE;
  const status = declared.getProperty('status')?.getTypeNode();
  if (!status) return NONE;
  const names = literalsOf(workspace, status);
  const property = parameter.getName();

  const interpreter = new Interpreter(workspace);
  const methods = of
    .getMethods()
    .filter(
      (method) =>
        !method.hasModifier('private') && /Change\b/.test(method.getReturnTypeNode()?.getText() ?? ''),
    );
  const found = new Map<string, Transition>();
  const reached = new Map<string, Fields>();
  const waiting: Fields[] = [];
  const visit = (fields: Fields): string | undefined => {
    const normal = new Map(
      [...fields]
        .map(([name, value]) => [name, normalized(name, value)] as const)
        .filter(([, value]) => !(value.kind === 'literal' && value.value === undefined)),
    );
    const key = keyOf(normal);
    if (!reached.has(key) && reached.size < MAX_SITUATIONS) {
      reached.set(key, normal);
      waiting.push(normal);
    }
    return statusOf(normal);
  };
  const take = (from: Fields | undefined, self: Value) => {
    for (const method of methods) {
      if (method.isStatic() !== (from === undefined)) continue;
      for (const outcome of interpreter.call(self, method)) {
        const change = fieldsOf(outcome);
        const next = change?.get('next');
        const state = next && fieldsOf(next)?.get(property);
        const after = state && fieldsOf(state);
        if (!after || next === self) continue;
        const to = visit(after);
        if (to === undefined) continue;
        const events = eventsOf(change?.get('events'));
        const transition: Transition = {
          from: from && statusOf(from),
          to,
          by: method.getName(),
          events,
          source: workspace.sourceOf(method),
        };
        found.set(`${transition.from} ${to} ${transition.by} ${events.join()}`, transition);
      }
    }
  };

  take(undefined, { kind: 'class', node: of });
  for (let fields = waiting.shift(); fields; fields = waiting.shift()) {
    const state: Value = { kind: 'object', fields };
    take(fields, { kind: 'instance', of, fields: new Map([[property, state]]) });
  }

  const transitions = [...found.values()].sort(
    (a, b) => order(names, a.from) - order(names, b.from) || order(names, a.to) - order(names, b.to),
  );
  return {
    states: names.map((name) => ({
      name,
      isStart: transitions.some(({ from, to }) => from === undefined && to === name),
      isEnd: !transitions.some(({ from, to }) => from === name && to !== name),
    })),
    transitions,
  };
}

const NONE = { states: [], transitions: [] };

const order = (names: readonly string[], name: string | undefined): number =>
  name === undefined ? -1 : names.indexOf(name);

const statusOf = (fields: Fields): string | undefined => {
  const status = fields.get('status');
  return status?.kind === 'literal' ? String(status.value) : undefined;
};

/** Only what conditions ask for is kept apart: literals but for numbers, and whether there is anything. */
function normalized(name: string, value: Value): Value {
  if (value.kind === 'any') return ANY;
  if (value.kind !== 'literal') return SOME;
  if (typeof value.value === 'number') return ANY;
  return typeof value.value === 'string' && name !== 'status' ? SOME : literal(value.value);
}

const keyOf = (fields: Fields): string =>
  [...fields]
    .map(([name, value]) => `${name}:${value.kind === 'literal' ? String(value.value) : value.kind}`)
    .sort()
    .join();

function eventsOf(events: Value | undefined): readonly string[] {
  if (events?.kind !== 'list') return [];
  return events.items.flatMap((event) => {
    const type = fieldsOf(event)?.get('type');
    return type?.kind === 'literal' ? [String(type.value)] : [];
  });
}

/** The members of a union of texts, also of `(typeof NAMES)[number]`. */
function literalsOf(workspace: Workspace, type: Node): readonly string[] {
  if (Node.isUnionTypeNode(type)) return type.getTypeNodes().flatMap((each) => literalsOf(workspace, each));
  if (Node.isLiteralTypeNode(type)) {
    const value = type.getLiteral();
    return Node.isStringLiteral(value) ? [value.getLiteralText()] : [];
  }
  if (Node.isTypeReference(type)) {
    const declared = workspace.resolve(type.getSourceFile(), type.getTypeName().getText());
    const aliased = Node.isTypeAliasDeclaration(declared) ? declared.getTypeNode() : undefined;
    return aliased ? literalsOf(workspace, aliased) : [];
  }
  const [, list] = /^\(?typeof (\w+)\)?\[number\]$/.exec(type.getText()) ?? [];
  const array = list === undefined ? undefined : workspace.constant(type.getSourceFile(), list);
  return Node.isArrayLiteralExpression(array)
    ? array.getElements().flatMap((each) => (Node.isStringLiteral(each) ? [each.getLiteralText()] : []))
    : [];
}
