import { Controller, Get, Param } from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { orderId } from '@atlas/contracts';
import { Audience, notFound } from '@atlas/service';
import { GetReservation } from '../../../application/queries/get-reservation';
import { reservationResponse, type ReservationResponse, toReservationResponse } from './inventory.schemas';

@ApiTags('reservations')
@Audience('staff')
@Controller('reservations')
export class ReservationsController {
  constructor(private readonly getReservation: GetReservation) {}

  @Get(':orderId')
  @ApiOperation({ summary: "Read an order's reservation" })
  @ApiResponse({ status: 200, standardSchema: reservationResponse })
  async read(@Param('orderId', { schema: orderId }) id: string): Promise<ReservationResponse> {
    return toReservationResponse(
      (await this.getReservation.execute(id)) ??
        notFound('reservation', id, `There is no reservation for order ${id}.`),
    );
  }
}
