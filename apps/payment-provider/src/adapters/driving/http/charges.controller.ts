import { Body, Controller, Get, Headers, Param, Post, Query, Res, UseInterceptors } from '@nestjs/common';
import { ApiHeader, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { Money } from '@atlas/kernel';
import { Problem } from '@atlas/service';
import type { FastifyReply } from 'fastify';
import { GiveRefund } from '../../../application/commands/give-refund';
import type { Once } from '../../../application/ports';
import { ReadBooks } from '../../../application/queries/read-books';
import { TakeCharge } from '../../../application/commands/take-charge';
import { NetworkFaults } from './network-faults';
import {
  booksQuery,
  type BooksQuery,
  booksResponse,
  type BooksResponse,
  chargeBody,
  type ChargeBody,
  chargeId,
  chargeResponse,
  type ChargeResponse,
  chargesResponse,
  type ChargesResponse,
  idempotencyKey,
  listChargesQuery,
  type ListChargesQuery,
  refundResponse,
  type RefundResponse,
  toBooksResponse,
  toChargeResponse,
  toRefundResponse,
} from './charges.schemas';
import { FaultInterceptor, IsOperation } from './fault.interceptor';

const KEY = 'idempotency-key';
const KeyHeader = () =>
  ApiHeader({
    name: 'Idempotency-Key',
    required: true,
    description:
      'Names this one write. It is kept with what was made, for ever: the same key makes nothing twice.',
    schema: { type: 'string', minLength: 1, maxLength: 255, pattern: '^[\\x21-\\x7E]+$' },
  });

@ApiTags('charges')
@Controller()
@UseInterceptors(FaultInterceptor)
export class ChargesController {
  constructor(
    private readonly takeCharge: TakeCharge,
    private readonly giveRefund: GiveRefund,
    private readonly books: ReadBooks,
    private readonly faults: NetworkFaults,
  ) {}

  @Post('charges')
  @IsOperation('charge')
  @KeyHeader()
  @ApiOperation({
    summary: 'Charge a card of the test mode',
    description:
      'Answers 201 also when the card is declined: that is an outcome, and stays the one of its key.',
  })
  @ApiResponse({ status: 201, standardSchema: chargeResponse })
  async charge(
    @Headers(KEY) key: string | undefined,
    @Body({ schema: chargeBody }) { reference, amount, source }: ChargeBody,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<ChargeResponse | undefined> {
    const charge = await this.takeCharge.execute({
      key: keyOf(key),
      reference,
      amount: Money.of(amount.minorUnits, amount.currency),
      source,
    });
    if (charge.kind === 'silent') {
      this.faults.hold(reply);
      return undefined;
    }
    return toChargeResponse(madeOnce(charge, reply));
  }

  @Get('charges')
  @IsOperation('read')
  @ApiOperation({ summary: 'Find charges by reference' })
  @ApiResponse({ status: 200, standardSchema: chargesResponse })
  async list(@Query({ schema: listChargesQuery }) { reference }: ListChargesQuery): Promise<ChargesResponse> {
    return { charges: (await this.books.withReference(reference)).map(toChargeResponse) };
  }

  @Get('charges/:id')
  @IsOperation('read')
  @ApiOperation({ summary: 'Read a charge, and its refund' })
  @ApiResponse({ status: 200, standardSchema: chargeResponse })
  async read(@Param('id', { schema: chargeId }) id: string): Promise<ChargeResponse> {
    return toChargeResponse((await this.books.find(id)) ?? noCharge(id));
  }

  @Post('charges/:id/refunds')
  @IsOperation('refund')
  @KeyHeader()
  @ApiOperation({ summary: 'Give a whole charge back' })
  @ApiResponse({ status: 201, standardSchema: refundResponse })
  async refund(
    @Headers(KEY) key: string | undefined,
    @Param('id', { schema: chargeId }) id: string,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<RefundResponse> {
    const refund = await this.giveRefund.execute(keyOf(key), id);
    if (refund.kind === 'no-such-charge') return noCharge(id);
    if (refund.kind === 'already-refunded') {
      throw new Problem({
        status: 422,
        title: 'Already refunded',
        detail: `Charge ${id} was given back as ${refund.value.id}; read the charge to see it.`,
      });
    }
    return toRefundResponse(madeOnce(refund, reply));
  }

  @Get('books')
  @IsOperation('read')
  @ApiOperation({ summary: 'Read all that moved, page by page, to compare it with your own books' })
  @ApiResponse({ status: 200, standardSchema: booksResponse })
  async entries(@Query({ schema: booksQuery }) { after, limit }: BooksQuery): Promise<BooksResponse> {
    return toBooksResponse(await this.books.entries(after, limit));
  }
}

/** By hand, as Nest validates no headers. */
function keyOf(header: string | undefined): string {
  const key = idempotencyKey.safeParse(header);
  if (key.success) return key.data;
  const title = header ? 'Idempotency-Key invalid' : 'Idempotency-Key missing';
  throw new Problem({ status: 400, title, detail: `${key.error.issues[0]?.message}.` });
}

function madeOnce<Made>(once: Once<Made>, reply: FastifyReply): Made {
  switch (once.kind) {
    case 'made':
      return once.value;
    case 'repeated':
      void reply.header('Idempotency-Replayed', 'true');
      return once.value;
    case 'other-request':
      throw new Problem({
        status: 422,
        title: 'Idempotency-Key used for another request',
        detail: 'This Idempotency-Key came with another request before; send this one with a new key.',
      });
    case 'in-flight':
      throw new Problem({
        status: 409,
        title: 'Request in progress',
        detail: 'A request with this Idempotency-Key is being worked on; send it again in a moment.',
        headers: { 'Retry-After': '1' },
      });
  }
}

function noCharge(id: string): never {
  throw new Problem({
    status: 404,
    title: 'No such charge',
    detail: `There is no charge ${id} that took money.`,
  });
}
