import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { type ContextDeclaration, declarationSchema, processesOf, topicOf } from './declaration';

/** Declarations with mistakes; `message` has a sentence for each. */
export class DeclarationError extends Error {
  override readonly name = 'DeclarationError';
}

/**
 * Reads the `context.json` of every app and checks them, also against each other. In the order of their ports.
 * @param folder that holds the apps' folders, of the sources or compiled.
 * @throws DeclarationError with a sentence for each mistake.
 */
export function readDeclarations(folder: string): readonly ContextDeclaration[] {
  const mistakes: string[] = [];
  const declarations: ContextDeclaration[] = [];
  const apps = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  for (const { name } of apps) {
    const file = `apps/${name}/context.json`;
    const path = join(folder, name, 'context.json');
    if (!existsSync(path)) {
      mistakes.push(`${file} is missing: every app has one, see libs/context/context.schema.json.`);
      continue;
    }
    const read = parse(readFileSync(path, 'utf8'));
    if ('declaration' in read) declarations.push(read.declaration);
    const found = 'declaration' in read ? ownMistakes(read.declaration, name) : read.mistakes;
    mistakes.push(...found.map((mistake) => `${file}: ${mistake}`));
  }
  if (mistakes.length === 0) mistakes.push(...mistakesBetween(declarations));
  if (mistakes.length > 0) throw new DeclarationError(mistakes.join('\n'));
  const firstPort = ({ processes }: ContextDeclaration) =>
    Math.min(...Object.values(processes).map(({ port }) => port));
  return declarations.sort((a, b) => firstPort(a) - firstPort(b) || a.name.localeCompare(b.name));
}

function parse(text: string): { declaration: ContextDeclaration } | { mistakes: readonly string[] } {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    return { mistakes: [`it is not JSON: ${(error as Error).message}.`] };
  }
  const result = declarationSchema.safeParse(json, { reportInput: true });
  return result.success ? { declaration: result.data } : { mistakes: result.error.issues.map(sentenceOf) };
}

function sentenceOf(issue: z.core.$ZodIssue): string {
  const field = issue.path.map(String).join('.');
  if (issue.code === 'unrecognized_keys') {
    const keys = issue.keys.map((key) => `"${[...issue.path, key].map(String).join('.')}"`).join(', ');
    return `${keys} is no field of a declaration: remove or correct it.`;
  }
  if (issue.code === 'invalid_key') {
    return `"${field}" is not allowed as a name: write it in lower case, or a setting in upper case.`;
  }
  const allowed = descriptionOf(declarationSchema, issue.path);
  if (field === '') return `it must be ${allowed}.`;
  return issue.input === undefined
    ? `"${field}" is missing: it must be ${allowed}.`
    : `"${field}" is wrong: it must be ${allowed}.`;
}

/** What the schema says of the field at this path. */
function descriptionOf(schema: z.core.$ZodType, path: readonly PropertyKey[]): string {
  const [key, ...rest] = path;
  const { description } = schema as z.ZodType;
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault) {
    return key === undefined && description ? description : descriptionOf(schema.def.innerType, path);
  }
  if (key === undefined) return description ?? 'valid';
  if (schema instanceof z.ZodObject) {
    const field = (schema.shape as Record<PropertyKey, z.core.$ZodType | undefined>)[key];
    return field ? descriptionOf(field, rest) : 'valid';
  }
  if (schema instanceof z.ZodRecord) return descriptionOf(schema.def.valueType, rest);
  if (schema instanceof z.ZodArray) return descriptionOf(schema.def.element, rest);
  return description ?? 'valid';
}

/** What one declaration gets wrong by itself. */
function ownMistakes(declaration: ContextDeclaration, folder: string): string[] {
  const { name, kind, database, topics, processes, stores } = declaration;
  const mistakes: string[] = [];
  const must = (isRight: boolean, sentence: string) => {
    if (!isRight) mistakes.push(sentence);
  };
  must(name === folder, `"name" is "${name}": it must be the folder's name, "${folder}".`);
  must(
    topics.publishes === undefined || topics.publishes === topicOf(folder),
    `"topics.publishes" is "${topics.publishes}": a context publishes to its own topic, "${topicOf(folder)}".`,
  );
  if (kind === 'relay') {
    must(
      Object.keys(processes).length === 0,
      '"processes" must be empty: a relay runs for the contexts that list it.',
    );
    must(
      database === undefined,
      '"database" must be left out: a relay reads that of the context it runs for.',
    );
    return mistakes;
  }
  must(
    Object.entries(processes).some(([process, { app }]) => process === folder && app === undefined),
    `"processes" has no "${folder}": add the app's own process, with its port.`,
  );
  must(
    (database !== undefined) === stores.includes('postgres'),
    database === undefined
      ? '"database" is missing: "stores" lists "postgres".'
      : '"stores" does not list "postgres": there is a "database".',
  );
  return mistakes;
}

function mistakesBetween(declarations: readonly ContextDeclaration[]): string[] {
  const mistakes: string[] = [];
  const byName = new Map(declarations.map((each) => [each.name, each]));
  const processes = processesOf(declarations);
  const topics = new Set(declarations.flatMap(({ topics: { publishes } }) => publishes ?? []));
  const claim = (what: string, claims: readonly (readonly [string | number | undefined, string])[]) => {
    const owners = new Map<string | number, string>();
    for (const [value, by] of claims) {
      if (value === undefined) continue;
      const other = owners.get(value);
      if (other)
        mistakes.push(`apps/${by}/context.json: ${what} ${value} is taken by ${other}: choose another.`);
      else owners.set(value, by);
    }
  };
  claim(
    'the port',
    processes.map(({ port, context }) => [port, context.name]),
  );
  claim(
    'the process name',
    processes.map(({ name, context }) => [name, context.name]),
  );
  claim(
    'the database',
    declarations.map(({ database, name }) => [database, name]),
  );

  for (const declaration of declarations) {
    const say = (sentence: string) => mistakes.push(`apps/${declaration.name}/context.json: ${sentence}`);
    for (const topic of declaration.topics.consumes ?? []) {
      if (!topics.has(topic)) {
        say(`it consumes "${topic}", which no context publishes: there are ${[...topics].join(', ')}.`);
      }
    }
    for (const [process, { app }] of Object.entries(declaration.processes)) {
      if (app !== undefined && byName.get(app)?.kind !== 'relay') {
        say(`the process "${process}" runs "${app}", which is no relay: there is no other app to share.`);
      }
    }
    for (const [setting, { urlOf }] of Object.entries(declaration.environment)) {
      if (!processes.some(({ name }) => name === urlOf)) {
        say(`${setting} is the URL of "${urlOf}", which is no process.`);
      }
    }
    const relays = processes.filter(({ context, kind }) => context === declaration && kind === 'relay');
    const wanted = declaration.topics.publishes === undefined ? 0 : 1;
    if (relays.length !== wanted) {
      say(
        wanted === 1
          ? `it publishes, so it needs one relay: add "${declaration.name}-relay" to "processes", with "app": "outbox-relay".`
          : '"topics.publishes" is missing: one of its processes is a relay.',
      );
    }
  }
  return mistakes;
}
