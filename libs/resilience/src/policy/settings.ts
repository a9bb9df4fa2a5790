import { z } from 'zod';

/** Names every invalid policy setting and what it allows. */
export class ResilienceConfigError extends Error {
  override readonly name = 'ResilienceConfigError';
}

const MAX_MS = 600_000;

const wholeNumber = (min: number, max: number, fallback: number, meaning: string) =>
  z.int().min(min).max(max).default(fallback).describe(`${meaning}: a whole number from ${min} to ${max}`);
const milliseconds = (min: number, fallback: number, meaning: string) =>
  z
    .int()
    .min(min)
    .max(MAX_MS)
    .default(fallback)
    .describe(`${meaning}: milliseconds from ${min} to ${MAX_MS}`);
const share = (fallback: number, meaning: string) =>
  z.number().gt(0).lt(1).default(fallback).describe(`${meaning}: a number between 0 and 1`);
const enabled = z.boolean().default(true).describe('whether it is in use: true or false');

/** Every setting of a policy, from the outside in. Descriptions end with what is allowed. */
const KINDS = {
  deadline: z.strictObject({
    enabled,
    ms: milliseconds(1, 10_000, 'how long a call may take as a whole, waits and attempts'),
  }),
  bulkhead: z.strictObject({
    enabled,
    maxConcurrent: wholeNumber(1, 10_000, 32, 'concurrent calls'),
    maxQueued: wholeNumber(0, 100_000, 64, 'calls that may wait for a slot'),
  }),
  retry: z.strictObject({
    enabled,
    maxAttempts: wholeNumber(1, 20, 3, 'attempts in total, including the first'),
    initialDelayMs: milliseconds(
      1,
      100,
      'the longest wait before the second attempt; doubles with each further one',
    ),
    maxDelayMs: milliseconds(1, 5_000, 'the longest wait before any attempt'),
    budgetRatio: z
      .number()
      .min(0)
      .max(1)
      .default(0.2)
      .describe('retries that each call earns: a number from 0 to 1'),
    budgetPerSecond: z
      .number()
      .min(0)
      .max(1_000)
      .default(1)
      .describe('retries that each second earns, so that rare calls can be retried: a number from 0 to 1000'),
    budgetBurst: wholeNumber(1, 10_000, 10, 'retries that can be saved up'),
  }),
  breaker: z.strictObject({
    enabled,
    opens: z
      .enum(['consecutive', 'sampling'])
      .default('consecutive')
      .describe('after consecutive failures, or by their share in a time window: consecutive or sampling'),
    failures: wholeNumber(1, 10_000, 5, 'with consecutive: how many failures open it'),
    failureRatio: share(0.5, 'with sampling: it opens above this share of failures'),
    windowMs: milliseconds(1_000, 10_000, 'with sampling: the time window'),
    minimumPerSecond: z
      .number()
      .gt(0)
      .max(10_000)
      .default(1)
      .describe('with sampling: with fewer calls it stays closed: a number above 0, up to 10000'),
    openMs: milliseconds(1, 5_000, 'how long it stays open'),
    halfOpenCalls: wholeNumber(1, 100, 1, 'how many calls must all succeed to close it again'),
  }),
  timeout: z.strictObject({
    enabled,
    ms: milliseconds(1, 2_000, 'how long one attempt may take'),
  }),
} as const;

type Kind = keyof typeof KINDS;
type Kinds = { -readonly [K in Kind]: (typeof KINDS)[K] };

/** The effective settings of one dependency's policy. */
export type PolicySettings = { readonly [K in Kind]: Readonly<z.output<Kinds[K]>> };

/** What a service declares about a dependency; everything else has defaults. `false` turns a part off. */
export type PolicyDeclaration = { readonly [K in Kind]?: Readonly<z.input<Kinds[K]>> | false };

export type Declarations = Readonly<Record<string, PolicyDeclaration>>;

const PREFIX = 'RESILIENCE_';

/**
 * Merges a service's declarations with the environment: `RESILIENCE_<DEPENDENCY>_<SETTING>` overrides a setting, as in
 * RESILIENCE_PROVIDER_RETRY_MAX_ATTEMPTS for `resilience.provider.retry.maxAttempts`. An empty variable counts as unset.
 * @throws ResilienceConfigError that names every invalid or unknown setting and what is allowed.
 */
export function loadPolicies<Name extends string>(
  declarations: Readonly<Record<Name, PolicyDeclaration>>,
  env: Readonly<Record<string, string | undefined>> = {},
): Readonly<Record<Name, PolicySettings>> {
  const problems: string[] = [];
  const overrides = readEnvironment(Object.keys(declarations), env, problems);
  const entries = Object.entries<PolicyDeclaration>(declarations).map(([dependency, declaration]) => {
    checkName(dependency, problems);
    return [dependency, settingsOf(dependency, declaration, overrides, problems)] as const;
  });
  if (problems.length > 0) throw new ResilienceConfigError([...new Set(problems)].join('\n'));
  return Object.fromEntries(entries) as Record<Name, PolicySettings>;
}

/** One row per setting, for the documentation. */
export function describeSettings(): readonly {
  readonly setting: string;
  readonly fallback: string;
  readonly meaning: string;
}[] {
  return allSettings().map(({ kind, name, schema }) => ({
    setting: `${kind}.${name}`,
    fallback: String(schema.parse(undefined)),
    meaning: schema.description ?? '',
  }));
}

interface Setting {
  readonly kind: Kind;
  readonly name: string;
  readonly schema: z.ZodType;
}

const allSettings = (): readonly Setting[] =>
  Object.entries(KINDS).flatMap(([kind, { shape }]) =>
    Object.entries(shape).map(([name, schema]) => ({ kind: kind as Kind, name, schema })),
  );

/** `maxAttempts` → `MAX_ATTEMPTS`. */
const snake = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase();

const variableOf = (dependency: string, { kind, name }: Pick<Setting, 'kind' | 'name'>): string =>
  `${PREFIX}${snake(dependency)}_${snake(kind)}_${snake(name)}`;

function checkName(dependency: string, problems: string[]): void {
  if (/^[a-z][a-zA-Z0-9]*$/.test(dependency)) return;
  problems.push(`"${dependency}" can't be a dependency's name: use camel case, such as mailServer.`);
}

/** The texts in the environment, by variable. */
function readEnvironment(
  dependencies: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
  problems: string[],
): ReadonlyMap<string, string> {
  const known = new Set(
    dependencies.flatMap((dependency) => allSettings().map((setting) => variableOf(dependency, setting))),
  );
  const read = new Map<string, string>();
  for (const [variable, text] of Object.entries(env)) {
    if (!variable.startsWith(PREFIX) || !text) continue;
    if (known.has(variable)) read.set(variable, text);
    else problems.push(unknownVariable(variable, [...known]));
  }
  return read;
}

const unknownVariable = (variable: string, known: readonly string[]): string =>
  known.length > 0
    ? `${variable} is no setting of this service; it has ${known.join(', ')}.`
    : `${variable} is no setting of this service, which has no dependencies of its own.`;

function settingsOf(
  dependency: string,
  declaration: PolicyDeclaration,
  overrides: ReadonlyMap<string, string>,
  problems: string[],
): PolicySettings | undefined {
  const unknown = Object.keys(declaration).filter((kind) => !(kind in KINDS));
  for (const kind of unknown) {
    const known = Object.keys(KINDS).join(', ');
    problems.push(`resilience.${dependency}.${kind} is no policy; there are ${known}.`);
  }
  const before = problems.length;
  const parts = Object.keys(KINDS).map((name) => {
    const kind = name as Kind;
    const declared = declaration[kind];
    const given = declared === false ? { enabled: false } : (declared ?? {});
    return [kind, partOf(dependency, kind, given, overrides, problems)] as const;
  });
  if (problems.length > before) return undefined;
  const settings = Object.fromEntries(parts) as unknown as PolicySettings;
  checkTogether(dependency, settings, problems);
  return settings;
}

function partOf(
  dependency: string,
  kind: Kind,
  declared: Readonly<Record<string, unknown>>,
  overrides: ReadonlyMap<string, string>,
  problems: string[],
): unknown {
  const schema = KINDS[kind];
  const given: Record<string, unknown> = { ...declared };
  for (const name of Object.keys(schema.shape)) {
    const text = overrides.get(variableOf(dependency, { kind, name }));
    if (text !== undefined) given[name] = valueOf(text);
  }
  const result = schema.safeParse(given);
  if (result.success) return result.data;
  const shape: Readonly<Record<string, z.ZodType>> = schema.shape;
  for (const issue of result.error.issues) {
    const setting = `resilience.${dependency}.${kind}`;
    if (issue.code === 'unrecognized_keys') {
      const known = Object.keys(shape).join(', ');
      problems.push(...issue.keys.map((key) => `${setting}.${key} is no setting; there are ${known}.`));
    } else {
      const name = String(issue.path[0]);
      const variable = variableOf(dependency, { kind, name });
      problems.push(`${setting}.${name} (${variable}) is wrong; it is ${shape[name]?.description}.`);
    }
  }
  return undefined;
}

/** Booleans and numbers as in JSON; anything else is text. */
function valueOf(text: string): unknown {
  if (text === 'true' || text === 'false') return text === 'true';
  const number = Number(text);
  return text.trim() === '' || Number.isNaN(number) ? text : number;
}

function checkTogether(
  dependency: string,
  { deadline, retry, timeout }: PolicySettings,
  problems: string[],
): void {
  const setting = (kind: Kind, name: string) =>
    `resilience.${dependency}.${kind}.${name} (${variableOf(dependency, { kind, name })})`;
  if (deadline.enabled && timeout.enabled && timeout.ms > deadline.ms) {
    problems.push(
      `${setting('timeout', 'ms')} is ${timeout.ms}, longer than ${setting('deadline', 'ms')}, ${deadline.ms}; ` +
        'no attempt could use it up, so make the first shorter or the second longer.',
    );
  }
  if (retry.enabled && retry.initialDelayMs > retry.maxDelayMs) {
    problems.push(
      `${setting('retry', 'initialDelayMs')} is ${retry.initialDelayMs}, longer than ` +
        `${setting('retry', 'maxDelayMs')}, ${retry.maxDelayMs}; make the first shorter or the second longer.`,
    );
  }
}
