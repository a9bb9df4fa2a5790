import { Body, Controller, Get, Headers, Param, Post, Query, Res, UseInterceptors } from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { Money } from '@atlas/kernel';
import { Audience, notFound, Problem } from '@atlas/service';
import type { FastifyReply } from 'fastify';
import { CreateCharge } from '../../../application/commands/create-charge';
import { RefundCharge } from '../../../application/commands/refund-charge';
import { GetCharge } from '../../../application/queries/get-charge';
import { ListCharges } from '../../../application/queries/list-charges';
import {
  chargeBody,
  type ChargeBody,
  chargeId,
  chargeResponse,
  type ChargeResponse,
  chargesResponse,
  type ChargesResponse,
  listChargesQuery,
  type ListChargesQuery,
  refundResponse,
  type RefundResponse,
  toChargeResponse,
  toRefundResponse,
} from './charges.schemas';
import { FaultInterceptor, IsOperation } from './fault.interceptor';
import { ApiIdempotencyKey, createdBy, KEY_HEADER, keyOf } from './idempotency-key';
import { NetworkFaults } from './network-faults';

@ApiTags('charges')
@Audience('partner')
@Controller('charges')
@UseInterceptors(FaultInterceptor)
export class ChargesController {
  constructor(
    private readonly createCharge: CreateCharge,
    private readonly refundCharge: RefundCharge,
    private readonly getCharge: GetCharge,
    private readonly listCharges: ListCharges,
    private readonly network: NetworkFaults,
  ) {}

  @Post()
  @IsOperation('charge')
  @ApiIdempotencyKey()
  @ApiOperation({
    summary: 'Charge a test card',
    description: 'Responds with 201 even if the card is declined: that is an outcome, and final for its key.',
  })
  @ApiResponse({ status: 201, standardSchema: chargeResponse })
  async charge(
    @Headers(KEY_HEADER) key: string | undefined,
    @Body({ schema: chargeBody }) { reference, amount, source }: ChargeBody,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<ChargeResponse | undefined> {
    const charge = await this.createCharge.execute({
      key: keyOf(key),
      reference,
      amount: Money.of(amount.minorUnits, amount.currency),
      source,
    });
    if (charge.kind === 'silent') {
      this.network.hold(reply);
      return undefined;
    }
    return toChargeResponse(createdBy(charge, reply));
  }

  @Get()
  @IsOperation('read')
  @ApiOperation({ summary: 'Find charges by reference' })
  @ApiResponse({ status: 200, standardSchema: chargesResponse })
  async list(@Query({ schema: listChargesQuery }) { reference }: ListChargesQuery): Promise<ChargesResponse> {
    return { charges: (await this.listCharges.execute(reference)).map(toChargeResponse) };
  }

  @Get(':id')
  @IsOperation('read')
  @ApiOperation({ summary: 'Read a charge and its refund' })
  @ApiResponse({ status: 200, standardSchema: chargeResponse })
  async read(@Param('id', { schema: chargeId }) id: string): Promise<ChargeResponse> {
    return toChargeResponse((await this.getCharge.execute(id)) ?? noCharge(id));
  }

  @Post(':id/refunds')
  @IsOperation('refund')
  @ApiIdempotencyKey()
  @ApiOperation({ summary: 'Refund a whole charge' })
  @ApiResponse({ status: 201, standardSchema: refundResponse })
  async refund(
    @Headers(KEY_HEADER) key: string | undefined,
    @Param('id', { schema: chargeId }) id: string,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<RefundResponse> {
    const refund = await this.refundCharge.execute({ key: keyOf(key), chargeId: id });
    if (refund.kind === 'no-such-charge') return noCharge(id);
    if (refund.kind === 'already-refunded') {
      throw new Problem({
        status: 422,
        title: 'Already refunded',
        detail: `Charge ${id} was refunded as ${refund.value.id}; read the charge to see it.`,
      });
    }
    return toRefundResponse(createdBy(refund, reply));
  }
}

const noCharge = (id: string) => notFound('charge', id, `There is no charge ${id} that took money.`);
