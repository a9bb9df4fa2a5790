import Table from 'cli-table3';
import { fetch } from 'undici';
import { z } from 'zod';
import { connect } from '../platform';
import { printable } from '../printable';
import { SERVICES } from '../topology';
import { UserError } from '../user-error';

const letter = z.object({
  id: z.string(),
  topic: z.string(),
  partition: z.int(),
  offset: z.int(),
  key: z.string().nullable(),
  type: z.string().nullable(),
  kind: z.string(),
  reason: z.string(),
  attempts: z.int(),
  correlationId: z.string().nullable(),
  traceparent: z.string().nullable(),
  createdAt: z.string(),
  triedAt: z.string().nullable(),
  resolution: z.string().nullable(),
  resolvedAt: z.string().nullable(),
  note: z.string().nullable(),
});
const page = z.object({ letters: z.array(letter), nextCursor: z.string().optional() });
const whole = letter.extend({
  headers: z.record(z.string(), z.string()),
  text: z.string().nullable(),
  base64: z.string().nullable(),
});
const replay = z.object({
  replayed: z.array(z.string()),
  failed: z.object({ id: z.string(), reason: z.string() }).nullable(),
});
const problem = z.object({ title: z.string().optional(), detail: z.string().optional() });

type Letter = z.infer<typeof letter>;
type NamedLetter = Letter & { readonly name: string };

interface Common {
  readonly json?: boolean;
}

const PAGE = 500;
const SHOWN_HEADERS = 50;

/** Lists dead letters of one service or of all. */
export async function runList({
  json,
  service,
  all,
}: Common & { service?: string; all?: boolean }): Promise<number> {
  const letters = await lettersOf(servicesOf(service), all ? 'all' : 'open');
  if (json) {
    process.stdout.write(`${JSON.stringify(letters, undefined, 2)}\n`);
    return 0;
  }
  if (letters.length === 0) {
    process.stdout.write('There are no dead letters.\n');
    return 0;
  }
  const table = new Table({
    head: ['letter', 'record', 'key', 'type', 'kind', 'tries', 'since', 'reason'],
    colAligns: ['left', 'left', 'left', 'left', 'left', 'right', 'left', 'left'],
    colWidths: [null, null, null, null, null, null, null, 60],
    wordWrap: true,
    style: { head: [], border: [], compact: true },
  });
  for (const each of letters) {
    table.push([
      each.name,
      `${each.topic}/${each.partition}@${each.offset}`,
      each.key === null ? '–' : printable(each.key, 60),
      each.type === null ? '–' : printable(each.type, 60),
      each.resolution ? `${each.kind}, ${each.resolution}` : each.kind,
      each.attempts,
      each.createdAt,
      printable(each.note ? `${each.reason} (${each.note})` : each.reason, 500),
    ]);
  }
  process.stdout.write(`${table.toString()}\n`);
  return 0;
}

/** Shows a dead letter and its record. */
export async function runShow({ json }: Common, name: string): Promise<number> {
  const { service, id } = parse(name);
  const found = await ask(service, whole, 'GET', `/dead-letters/${id}`);
  if (json) {
    process.stdout.write(`${JSON.stringify({ name, ...found }, undefined, 2)}\n`);
    return 0;
  }
  const { headers, text, base64, ...rest } = found;
  const table = new Table({
    style: { head: [], border: [], compact: true },
    wordWrap: true,
    colWidths: [null, 100],
  });
  for (const [name, value] of Object.entries(rest)) {
    if (value !== null) table.push([name, printable(String(value))]);
  }
  const all = Object.entries(headers);
  for (const [name, value] of all.slice(0, SHOWN_HEADERS)) {
    table.push([`header ${printable(name, 100)}`, printable(value)]);
  }
  const more = all.length - SHOWN_HEADERS;
  const note = more > 0 ? `… and ${more} more headers: --json shows all\n` : '';
  process.stdout.write(`${table.toString()}\n${note}${describeValue(text, base64)}\n`);
  return 0;
}

/**
 * Handles records again, each with those that wait for it.
 * @returns the exit code: 1 if one fails again or can't be replayed.
 */
export async function runReplay(
  { json, service, all = false }: Common & { service?: string; all?: boolean },
  names: readonly string[],
): Promise<number> {
  if (all === names.length > 0)
    throw new UserError('Name the dead letters to replay, or use --all, but not both');
  const letters = all ? await lettersOf(servicesOf(service), 'open') : [];
  const wanted = all ? letters.map((each) => each.name) : names;
  const keys = new Map(letters.map((each) => [each.name, keyOf(each)]));
  const replayed = new Set<string>();
  const failed = new Map<string, string>();
  const refused = new Map<string, string>();
  const blocked = new Set<string>();
  for (const name of wanted) {
    // A replay includes the records that wait for the letter; after a failure they keep waiting.
    const key = keys.get(name);
    if (replayed.has(name) || failed.has(name) || (key !== undefined && blocked.has(key))) continue;
    const { service: owner, id } = parse(name);
    try {
      const outcome = await ask(owner, replay, 'POST', `/dead-letters/${id}/replay`);
      for (const each of outcome.replayed) replayed.add(`${owner}/${each}`);
      if (!outcome.failed) continue;
      failed.set(`${owner}/${outcome.failed.id}`, outcome.failed.reason);
      if (key !== undefined) blocked.add(key);
    } catch (error) {
      // Continue with the others, and report all results.
      if (!(error instanceof UserError)) throw error;
      refused.set(name, error.message);
    }
  }
  if (json) {
    const failures = [...failed, ...refused].map(([name, reason]) => ({ name, reason }));
    process.stdout.write(`${JSON.stringify({ replayed: [...replayed], failed: failures }, undefined, 2)}\n`);
  } else {
    if (replayed.size > 0) process.stdout.write(`Handled: ${[...replayed].join(', ')}.\n`);
    for (const [name, reason] of failed) process.stdout.write(`${name} failed again: ${reason}\n`);
    for (const [name, reason] of refused) process.stderr.write(`${name} was not replayed: ${reason}\n`);
    if (wanted.length === 0) process.stdout.write('There are no dead letters.\n');
  }
  return failed.size + refused.size > 0 ? 1 : 0;
}

/** Marks records as never to be handled: those that are named, or all of a service, such as after a flood. */
export async function runDiscard(
  options: Common & { reason: string; service?: string; kind?: string; all?: boolean },
  names: readonly string[],
): Promise<number> {
  const { json, reason, service, kind, all = false } = options;
  if (all === names.length > 0)
    throw new UserError('Name the dead letters to discard, or use --all, but not both');
  if (all && service === undefined)
    throw new UserError(`With --all, name the service: --service ${SERVICES[0]}`);
  const wanted = all
    ? (await lettersOf(servicesOf(service), 'open'))
        .filter((each) => kind === undefined || each.kind === kind)
        .map(({ name }) => name)
    : names;
  const discarded: Letter[] = [];
  for (const name of wanted) {
    const resolved = await discardLetter(name, reason);
    discarded.push(resolved);
    if (!json) process.stdout.write(`${name} is discarded: ${printable(resolved.note ?? '')}\n`);
  }
  if (json) {
    const described = discarded.map((each, index) => ({ name: wanted[index], ...each }));
    process.stdout.write(`${JSON.stringify(described, undefined, 2)}\n`);
  } else if (wanted.length === 0) process.stdout.write('There are no such dead letters.\n');
  return 0;
}

export async function discardLetter(name: string, reason: string): Promise<Letter> {
  const { service, id } = parse(name);
  return ask(service, letter, 'POST', `/dead-letters/${id}/discard`, { reason });
}

export const openLetters = (service: string): Promise<readonly NamedLetter[]> => lettersOf([service], 'open');

function servicesOf(name: string | undefined): readonly string[] {
  if (name === undefined) return SERVICES;
  return [serviceOf(name)];
}

function serviceOf(name: string): string {
  const service = SERVICES.find((each) => each === name);
  if (!service) throw new UserError(`There is no service "${name}": use one of ${SERVICES.join(', ')}`);
  return service;
}

/** `lending/12` is dead letter 12 of lending. */
function parse(name: string): { service: string; id: string } {
  const [, service = '', id = ''] = /^([a-z-]+)\/([1-9]\d*)$/.exec(name) ?? [];
  if (!id)
    throw new UserError(
      `"${name}" is not the name of a dead letter: use a name that "npx atlas dlq list" shows, such as ${SERVICES[0]}/12`,
    );
  return { service: serviceOf(service), id };
}

async function lettersOf(services: readonly string[], state: 'open' | 'all'): Promise<NamedLetter[]> {
  const found: NamedLetter[] = [];
  for (const service of services) {
    for (let cursor = ''; ;) {
      const { letters, nextCursor } = await ask(
        service,
        page,
        'GET',
        `/dead-letters?state=${state}&limit=${PAGE}${cursor && `&cursor=${cursor}`}`,
      );
      found.push(...letters.map((each) => ({ name: `${service}/${each.id}`, ...each })));
      if (!nextCursor) break;
      cursor = nextCursor;
    }
  }
  return found;
}

/** Equal for letters that wait for each other; undefined for a letter without a key, which waits for none. */
const keyOf = ({ name, topic, key }: NamedLetter): string | undefined =>
  key === null ? undefined : JSON.stringify([parse(name).service, topic, key]);

async function ask<Schema extends z.ZodType>(
  service: string,
  schema: Schema,
  method: 'GET' | 'POST',
  path: string,
  body?: object,
): Promise<z.infer<Schema>> {
  const { urls } = await connect();
  const url = `${urls[service]}${path}`;
  const answer = await fetch(url, {
    method,
    ...(body && { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
  }).catch((error: unknown) => {
    throw new UserError(`${service} does not respond: ${String((error as Error).cause ?? error)}`);
  });
  const json: unknown = await answer.json();
  if (answer.ok) return schema.parse(json);
  const { title, detail } = problem.parse(json);
  throw new UserError(`${service}: ${detail ?? title ?? answer.statusText}`);
}

function describeValue(text: string | null, base64: string | null): string {
  if (base64 === null) return 'no value';
  if (text === null) return `base64 ${base64}`;
  let shown = text;
  try {
    shown = JSON.stringify(JSON.parse(text), undefined, 2);
  } catch {
    // Then as it is.
  }
  return shown
    .split('\n')
    .map((line) => printable(line, Infinity))
    .join('\n');
}
