import type { ContextDeclaration } from '@atlas/context';
import { catalogue } from '@atlas/contracts';
import type { EventLanguage } from '@atlas/events';
import type { ServiceDefinition } from '@atlas/service';
import { at } from '../workspace';
import type { Page } from '../pages';
import { code, FIELDS, fieldRows, json, paragraphs, type Schema, table } from './markdown';

interface Body {
  readonly description?: string;
  readonly content?: Readonly<Record<string, { readonly schema?: Schema }>>;
}

interface Operation {
  readonly summary?: string;
  readonly description?: string;
  readonly parameters?: readonly {
    readonly name: string;
    readonly in: string;
    readonly required?: boolean;
    readonly description?: string;
    readonly schema?: Schema;
  }[];
  readonly requestBody?: Body;
  readonly responses: Readonly<Record<string, Body>>;
  readonly 'x-audience'?: readonly string[];
  readonly 'x-repeatable'?: string;
}

interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components?: { readonly schemas?: Readonly<Record<string, Schema>> };
}

type AnyDefinition = ServiceDefinition<Record<string, never>>;

type MakeDefinition = (language: EventLanguage, service: string) => unknown;

interface Service {
  readonly describeService: (definition: AnyDefinition, settings: unknown) => Promise<Document>;
  readonly loadConfig: (settings: unknown, env: Readonly<Record<string, string>>) => unknown;
}

/** What a service must be told before it can be described; nothing is connected. */
const ENVIRONMENT = {
  SERVICE: 'orders',
  DATABASE_URL: 'postgres://nobody:none@127.0.0.1/nowhere',
  EVENT_LOG_URL: 'postgres://nobody:none@127.0.0.1/nowhere',
};

/** The HTTP APIs, as the services describe them at /docs-json: an overview, and a page for each. */
export async function apiPages(declarations: readonly ContextDeclaration[]): Promise<readonly Page[]> {
  const pages: Page[] = [];
  const rows: string[][] = [];
  for (const declaration of declarations) {
    const { name, title } = declaration;
    const document = await documentOf(declaration);
    const operations = operationsOf(document);
    pages.push({ path: `reference/api/${name}.md`, text: apiPage(name, title, operations, document) });
    rows.push([`[${title}](./${name}.md)`, String(operations.length), audiences(operations)]);
  }
  const index = paragraphs(
    '# HTTP APIs',
    'Generated from the routes of the services. A running service serves the same as a page at `/docs` and as OpenAPI 3.1 ' +
      'at `/docs-json`. Errors are problem details (RFC 9457).',
    'Every route says whom it is for. That is a statement, not a guard: nobody is authenticated yet.',
    table(['service', 'routes', 'for'], rows),
  );
  return [{ path: 'reference/api/index.md', text: index }, ...pages];
}

const audiences = (operations: readonly (readonly [string, string, Operation])[]): string =>
  [...new Set(operations.flatMap(([, , operation]) => operation['x-audience'] ?? []))].join(', ');

/** From the compiled app, of which the wiring is read, and nothing started. */
async function documentOf({ name, environment }: ContextDeclaration): Promise<Document> {
  const service = (await import(at('dist/libs/service/src/index.js'))) as Service;
  const app = (await import(at(`dist/apps/${name}/src/${name}.app.js`))) as Record<string, unknown>;
  // The relay's is a function of the language and of the service whose outbox it publishes.
  const definition = Object.values(app)
    .map((each) =>
      typeof each === 'function' ? (each as MakeDefinition)(catalogue, ENVIRONMENT.SERVICE) : each,
    )
    .find((each): each is AnyDefinition => typeof each === 'object' && each !== null && 'settings' in each);
  if (!definition) throw new Error(`apps/${name}/src/${name}.app.ts exports no definition of a service`);
  const urls = Object.keys(environment).map((setting) => [setting, 'http://127.0.0.1:1'] as const);
  const settings = service.loadConfig(definition.settings, { ...ENVIRONMENT, ...Object.fromEntries(urls) });
  return service.describeService(definition, settings);
}

const operationsOf = ({ paths }: Document): readonly (readonly [string, string, Operation])[] =>
  Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => [method.toUpperCase(), path, operation] as const),
  );

function apiPage(
  name: string,
  title: string,
  operations: readonly (readonly [string, string, Operation])[],
  { components }: Document,
): string {
  const resolve = (schema: Schema): Schema =>
    schema.$ref ? (components?.schemas?.[schema.$ref.split('/').at(-1) ?? ''] ?? schema) : schema;
  return paragraphs(
    `# ${title}: HTTP API`,
    `The service [${name}](../contexts/index.md).`,
    ...operations.flatMap(([method, path, operation]) => operationParts(method, path, operation, resolve)),
  );
}

function operationParts(
  method: string,
  path: string,
  operation: Operation,
  resolve: (schema: Schema) => Schema,
): readonly (string | undefined | false)[] {
  const { summary, description, parameters = [], requestBody, responses } = operation;
  const body = schemaOf(requestBody);
  const repeatable = operation['x-repeatable'];
  return [
    // Braces would be attributes of the heading.
    `## ${method} ${path.replace(/\{(\w+)\}/g, ':$1')}`,
    summary && `${summary}.`,
    description,
    `For: ${operation['x-audience']?.join(', ') ?? 'nobody said'}.`,
    repeatable && `Safe to repeat without a key: ${repeatable}`,
    parameters.length > 0 &&
      table(
        ['parameter', 'in', 'required', 'notes'],
        parameters.map((each) => [
          code(each.name),
          each.in,
          each.required ? 'yes' : 'no',
          each.description ?? '',
        ]),
      ),
    body && `**Request**\n\n${fieldsOf(body, resolve)}`,
    ...Object.entries(responses)
      .filter(([status]) => status !== 'default')
      .map(([status, response]) => {
        const schema = schemaOf(response);
        return schema ? `**Response ${status}**\n\n${fieldsOf(schema, resolve)}` : `**Response ${status}**`;
      }),
  ];
}

const schemaOf = (body: Body | undefined): Schema | undefined =>
  Object.values(body?.content ?? {}).find(({ schema }) => schema)?.schema;

function fieldsOf(schema: Schema, resolve: (schema: Schema) => Schema): string {
  return table(FIELDS, fieldRows(schema, resolve)) || json(resolve(schema));
}
