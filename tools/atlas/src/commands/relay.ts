import Table from 'cli-table3';
import { Agent, fetch } from 'undici';
import { z } from 'zod';
import { connect } from '../platform';
import { UserError } from '../user-error';

const adoption = z.object({
  waiting: z.int(),
  isEstimate: z.boolean(),
  lost: z.object({
    count: z.int(),
    newest: z.array(
      z.object({ id: z.string(), type: z.string().nullable(), key: z.string().nullable(), at: z.string() }),
    ),
  }),
  renumbered: z.int(),
});
const problem = z.object({ title: z.string().optional(), detail: z.string().optional() });

/** Has the relay of `service` continue from a database that it has refused, and shows what that database has lost. */
export async function runAdopt({ json }: { readonly json?: boolean }, service: string): Promise<number> {
  const { relays } = await connect();
  const url = relays[service];
  if (!url)
    throw new UserError(
      `There is no relay of "${service}": use one of ${Object.keys(relays).sort().join(', ')}`,
    );
  // It may read a large part of the log and of the outbox.
  const patient = new Agent({ headersTimeout: 0, bodyTimeout: 0 });
  const answer = await fetch(`${url}/relay/adopt`, { method: 'POST', dispatcher: patient }).catch(
    (error: unknown) => {
      throw new UserError(
        `The relay of ${service} does not respond: ${String((error as Error).cause ?? error)}`,
      );
    },
  );
  const body: unknown = await answer.json();
  if (!answer.ok) {
    const { data } = problem.safeParse(body);
    throw new UserError(data?.detail ?? data?.title ?? `The relay of ${service} answered ${answer.status}`);
  }
  const result = adoption.parse(body);
  process.stdout.write(json ? `${JSON.stringify(result, undefined, 2)}\n` : describe(service, result));
  return 0;
}

function describe(
  service: string,
  { waiting, isEstimate, lost, renumbered }: z.infer<typeof adoption>,
): string {
  const lines = [
    `The relay of ${service} continues and publishes ${isEstimate ? 'about ' : ''}${events(waiting)}, some perhaps once more: ` +
      'consumers pass over what they have handled.',
  ];
  if (renumbered > 0)
    lines.push(`${renumbered} rows came from another server and got new transaction numbers.`);
  if (lost.count === 0) return `${lines.join('\n')}\n`;
  const table = new Table({
    head: ['event', 'type', 'key', 'on the log since'],
    style: { head: [], border: [], compact: true },
  });
  for (const { id, type, key, at } of lost.newest) table.push([id, type ?? '–', key ?? '–', at]);
  lines.push(
    `The database has lost ${events(lost.count)} that consumers have seen` +
      `${lost.count > lost.newest.length ? `; the newest ${lost.newest.length} are` : ''}:`,
    table.toString(),
  );
  return `${lines.join('\n')}\n`;
}

const events = (count: number): string => (count === 1 ? '1 event' : `${count} events`);
