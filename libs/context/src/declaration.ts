import { z } from 'zod';

const name = z
  .string()
  .regex(/^[a-z][a-z0-9]*(?:-[a-z0-9]+)*$/)
  .describe('a name of lower-case letters, digits and hyphens, such as "outbox-relay"');

const topic = z
  .string()
  .regex(/^[a-z][a-z0-9-]*\.events$/)
  .describe('a topic: a name and ".events"');

const process = z
  .strictObject({
    port: z
      .int()
      .min(1)
      .max(65_535)
      .describe('a TCP port from 1 to 65535: where it listens unless told otherwise'),
    app: name
      .optional()
      .describe('the name of the app that it runs, such as "outbox-relay"; without it, this one'),
  })
  .describe('an object with "port" and, unless the process runs this app, "app"');

const store = z
  .enum(['postgres', 'eventLog'])
  .describe('"postgres" (which sets DATABASE_URL) or "eventLog" (which sets EVENT_LOG_URL)');

/** A description is the end of the sentence "it must be …", and what an editor shows. */
export const declarationSchema = z
  .strictObject({
    $schema: z.string().optional().describe('the path of the JSON Schema, for editors'),
    name: name.describe("the folder's name"),
    title: z.string().min(1).describe('the name that people read'),
    description: z.string().min(1).describe('what it does, in a sentence'),
    kind: z
      .enum(['context', 'relay', 'outside'])
      .describe(
        '"context" (a service with a core of its own), "relay" (publishes the outbox of the contexts that list it) or ' +
          '"outside" (stands in for another company, and takes no part in the events)',
      ),
    database: z
      .string()
      .regex(/^[a-z][a-z0-9_]{0,62}$/)
      .optional()
      .describe('the name of its PostgreSQL database and role: lower-case letters, digits and underscores'),
    topics: z
      .strictObject({
        publishes: topic.optional().describe('its own topic, <name>.events'),
        consumes: z.array(topic).optional().describe('a list of the topics that it subscribes to'),
      })
      .default({})
      .describe('an object with "publishes" and "consumes"'),
    processes: z
      .record(name, process)
      .default({})
      .describe('an object with an entry for each process: its name, and what it is'),
    stores: z.array(store).describe('a list of the stores that it needs'),
    environment: z
      .record(
        z.string().regex(/^[A-Z][A-Z0-9_]*$/),
        z
          .strictObject({ urlOf: name.describe('the name of a process') })
          .describe('an object with "urlOf", the name of the process whose URL it gets'),
      )
      .default({})
      .describe('an object with an entry for each further setting of its own process'),
    dependencies: z
      .array(z.string().regex(/^[a-z][a-zA-Z0-9]*$/))
      .default([])
      .describe('a list of the policies that RESILIENCE_<NAME>_… sets, in camel case, such as "mailServer"'),
  })
  .describe('an object: see libs/context/context.schema.json');

/** What `apps/<name>/context.json` says; everything that needs to know the contexts reads it from there. */
export type ContextDeclaration = z.infer<typeof declarationSchema>;

/** For editors: what a context.json may say. */
export const declarationJsonSchema = (): object => ({
  title: 'A context of Atlas',
  ...z.toJSONSchema(declarationSchema, { io: 'input' }),
});

/** One process of the platform, as declared. */
export interface DeclaredProcess {
  readonly name: string;
  /** The app whose code it runs. */
  readonly app: string;
  /** The context that it belongs to. */
  readonly context: ContextDeclaration;
  readonly kind: 'service' | 'relay' | 'outside';
  /** Default port. */
  readonly port: number;
  readonly stores: ContextDeclaration['stores'];
  /** Its settings that are URLs of other processes: the name of each. */
  readonly urls: Readonly<Record<string, string>>;
}

/** One topic per context, as @atlas/events has it; a test compares them. */
export const topicOf = (context: string): string => `${context}.events`;

const KINDS = { context: 'service', relay: 'relay', outside: 'outside' } as const;

/** All processes, in the order of the declarations. */
export function processesOf(declarations: readonly ContextDeclaration[]): readonly DeclaredProcess[] {
  return declarations.flatMap((context) =>
    Object.entries(context.processes).map(([processName, { port, app = context.name }]) => {
      const code = declarations.find((each) => each.name === app) ?? context;
      const own = code === context ? Object.entries(context.environment) : [];
      return {
        name: processName,
        app,
        context,
        kind: KINDS[code.kind],
        port,
        stores: code.stores,
        urls: Object.fromEntries(own.map(([setting, { urlOf }]) => [setting, urlOf])),
      };
    }),
  );
}

/**
 * The port where a process listens unless told otherwise.
 * @throws Error if no declaration has a process of this name.
 */
export function defaultPortOf(declarations: readonly ContextDeclaration[], process: string): number {
  const declared = processesOf(declarations).find(({ name: each }) => each === process);
  if (!declared) throw new Error(`No context.json declares a process "${process}"`);
  return declared.port;
}
