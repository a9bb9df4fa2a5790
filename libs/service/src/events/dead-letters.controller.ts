import {
  Body,
  Controller,
  type DynamicModule,
  Get,
  Header,
  HttpCode,
  Module,
  Param,
  Post,
  Query,
} from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { shortened } from '@atlas/kernel';
import type { StoredDeadLetter } from '@atlas/ports/adapters';
import { z } from 'zod';
import { Audience } from '../http/audience';
import { pageLimitField } from '../http/fields';
import { Problem } from '../http/problem-details';
import { Repeatable } from '../http/repeatable';
import { DeadLetterService } from './dead-letter.service';

const letterId = z.string().regex(/^[1-9]\d{0,17}$/, 'The id of a dead letter is a number from 1');

const listQuery = z.object({
  state: z.enum(['open', 'all']).default('open'),
  limit: pageLimitField,
  cursor: letterId.optional(),
});

const discardBody = z
  .object({ reason: z.string().trim().min(1).max(1_000).describe('Why its record will never be handled') })
  .meta({ id: 'DiscardDeadLetter' });

const RESOLVED_ONCE = 'A letter is resolved once: the second answer says that it is.';

const BYTES = 'Bytes that are no UTF-8 text appear as lone surrogates: U+DC00 plus the byte';

const summary = z.object({
  id: z.string(),
  topic: z.string(),
  partition: z.int(),
  offset: z.int(),
  key: z.string().nullable().describe(BYTES),
  eventId: z.string().nullable(),
  type: z.string().nullable(),
  kind: z.enum(['malformed', 'unknown-version', 'invalid-data', 'handler-failed', 'process-died', 'parked']),
  reason: z.string(),
  attempts: z.int().describe('How often a handler was called'),
  traceparent: z.string().nullable(),
  correlationId: z.string().nullable(),
  recordedAt: z.iso.datetime().describe('When the log received the record'),
  createdAt: z.iso.datetime(),
  triedAt: z.iso.datetime().nullable(),
  resolution: z.enum(['replayed', 'discarded']).nullable(),
  resolvedAt: z.iso.datetime().nullable(),
  note: z.string().nullable().describe('Why it was discarded'),
});
const summaryResponse = summary.meta({ id: 'DeadLetterSummary' });

const letterResponse = summary
  .extend({
    headers: z.record(z.string(), z.string()).describe(BYTES),
    text: z.string().nullable().describe('The value, if it is UTF-8 text'),
    base64: z.string().nullable().describe('The value'),
  })
  .meta({ id: 'DeadLetter' });

const listResponse = z.object({ letters: z.array(summaryResponse), nextCursor: z.string().optional() });

const replayResponse = z
  .object({
    replayed: z.array(z.string()).describe('The letter and those that were parked behind it, in order'),
    failed: z
      .object({ id: z.string(), reason: z.string() })
      .nullable()
      .describe('Where it stopped: this letter and those behind it stay open'),
  })
  .meta({ id: 'ReplayedDeadLetters' });

/** What an operator does with the records that could not be handled. */
@ApiTags('dead letters')
@Audience('operator')
@Controller('dead-letters')
class DeadLettersController {
  constructor(private readonly deadLetters: DeadLetterService) {}

  @Get()
  @Header('Cache-Control', 'no-store')
  @ApiOperation({ summary: 'List the records that could not be handled, oldest first' })
  @ApiResponse({ status: 200, standardSchema: listResponse })
  async list(
    @Query({ schema: listQuery }) { state, limit, cursor }: z.infer<typeof listQuery>,
  ): Promise<z.infer<typeof listResponse>> {
    const letters = await this.deadLetters.list({ state, limit, after: cursor });
    return {
      letters: letters.map(toSummary),
      // A page may have fewer letters than asked for, even if more follow.
      nextCursor: letters.at(-1)?.id,
    };
  }

  @Get(':id')
  @Header('Cache-Control', 'no-store')
  @ApiOperation({ summary: 'Read one, with its record' })
  @ApiResponse({ status: 200, standardSchema: letterResponse })
  async read(@Param('id', { schema: letterId }) id: string): Promise<z.infer<typeof letterResponse>> {
    const letter = (await this.deadLetters.find(id)) ?? unknown(id);
    const { headers, value } = letter.record;
    return {
      ...toSummary(letter),
      headers,
      text: value && textOf(value),
      base64: value?.toString('base64') ?? null,
    };
  }

  @Post(':id/replay')
  @HttpCode(200)
  @Repeatable(RESOLVED_ONCE)
  @ApiOperation({ summary: 'Handle it, and those that wait behind it' })
  @ApiResponse({ status: 200, standardSchema: replayResponse })
  async replay(@Param('id', { schema: letterId }) id: string): Promise<z.infer<typeof replayResponse>> {
    const replay = await this.deadLetters.replay(id);
    switch (replay.state) {
      case 'unknown':
        return unknown(id);
      case 'resolved':
        return resolved(replay.letter);
      case 'behind':
        throw new Problem({
          status: 409,
          title: 'An earlier one waits',
          detail: `Dead letter ${replay.first} is older and has the same key: replay or discard that one first.`,
        });
      case 'done':
        return { replayed: [...replay.replayed], failed: replay.failed ?? null };
    }
  }

  @Post(':id/discard')
  @HttpCode(200)
  @Repeatable(RESOLVED_ONCE)
  @ApiOperation({ summary: 'Discard it: it will never be handled' })
  @ApiResponse({ status: 200, standardSchema: summaryResponse })
  async discard(
    @Param('id', { schema: letterId }) id: string,
    @Body({ schema: discardBody }) { reason }: z.infer<typeof discardBody>,
  ): Promise<z.infer<typeof summaryResponse>> {
    const discard = await this.deadLetters.discard(id, reason);
    if (discard.state === 'unknown') return unknown(id);
    if (discard.state === 'resolved') return resolved(discard.letter);
    return toSummary(discard.letter);
  }
}

/** The dead letters of a consumer over HTTP. */
@Module({})
export class DeadLettersModule {
  static register(deadLetters: DeadLetterService): DynamicModule {
    return {
      module: DeadLettersModule,
      controllers: [DeadLettersController],
      providers: [{ provide: DeadLetterService, useValue: deadLetters }],
    };
  }
}

/** A foreign producer may write a megabyte. */
const MAX_ATTRIBUTE = 200;

function toSummary(letter: StoredDeadLetter): z.infer<typeof summary> {
  const { id, record, kind, reason, attempts, createdAt, triedAt, resolution, resolvedAt, note } = letter;
  const { topic, partition, offset, key, headers, timestamp } = record;
  const attribute = (header: string) => shortened(headers[header] ?? '', MAX_ATTRIBUTE) || null;
  return {
    id,
    topic,
    partition,
    offset,
    key,
    eventId: attribute('ce_id'),
    type: attribute('ce_type'),
    kind,
    reason,
    attempts,
    traceparent: attribute('traceparent'),
    correlationId: attribute('ce_correlationid'),
    recordedAt: new Date(timestamp).toISOString(),
    createdAt: createdAt.toISOString(),
    triedAt: triedAt?.toISOString() ?? null,
    resolution: resolution ?? null,
    resolvedAt: resolvedAt?.toISOString() ?? null,
    note: note ?? null,
  };
}

function textOf(value: Buffer): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(value);
  } catch {
    return null;
  }
}

function unknown(id: string): never {
  throw new Problem({ status: 404, title: 'No such dead letter', detail: `There is no dead letter ${id}.` });
}

function resolved({ id, resolution, resolvedAt }: StoredDeadLetter): never {
  throw new Problem({
    status: 409,
    title: 'Already resolved',
    detail: `Dead letter ${id} was ${resolution} at ${resolvedAt?.toISOString()}.`,
  });
}
