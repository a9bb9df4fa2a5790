import { createHash } from 'node:crypto';
import { Problem } from '@atlas/service';
import { z } from 'zod';
import type { Place } from '../../../application/ports';

const content = z.tuple([z.string(), z.string().min(1).max(64), z.number().nullable()]);

/** A place in the results of one search, as opaque text. It carries no rights: whoever makes one up only gets a page. */
export const cursorOf = ({ sku, rank }: Place, search: unknown): string =>
  Buffer.from(JSON.stringify([fingerprintOf(search), sku, rank ?? null])).toString('base64url');

/** @param search must be that for which the cursor was made. @throws Problem 400 if it isn't, or the cursor is none. */
export function placeIn(cursor: string, search: { readonly words?: string | undefined }): Place {
  const [fingerprint, sku, rank] =
    read(cursor) ?? refuse('It is none of ours; use a nextCursor as it was sent.');
  if (fingerprint !== fingerprintOf(search)) {
    refuse('It belongs to another search; begin this one without a cursor.');
  }
  // The fingerprint is no secret, so what it vouches for is checked.
  if ((rank === null) !== (search.words === undefined))
    refuse('It is none of ours; use a nextCursor as it was sent.');
  return { sku, rank: rank ?? undefined };
}

function read(cursor: string): z.infer<typeof content> | undefined {
  try {
    return content.safeParse(JSON.parse(Buffer.from(cursor, 'base64url').toString())).data;
  } catch {
    return undefined;
  }
}

const fingerprintOf = (search: unknown): string =>
  createHash('sha256').update(JSON.stringify(search)).digest('base64url').slice(0, 12);

function refuse(detail: string): never {
  throw new Problem({
    status: 400,
    title: 'Invalid request',
    detail: 'The request query is invalid; see `errors`.',
    errors: [{ in: 'query', pointer: '/cursor', detail }],
  });
}
