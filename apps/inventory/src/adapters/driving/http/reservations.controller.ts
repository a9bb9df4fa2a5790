import { Controller, Get, Param } from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { Problem } from '@atlas/service';
import { FindReservation } from '../../../application/queries/find-reservation';
import {
  orderId,
  reservationResponse,
  type ReservationResponse,
  toReservationResponse,
} from './inventory.schemas';

@ApiTags('reservations')
@Controller('reservations')
export class ReservationsController {
  constructor(private readonly findReservation: FindReservation) {}

  @Get(':orderId')
  @ApiOperation({ summary: "Read an order's reservation" })
  @ApiResponse({ status: 200, standardSchema: reservationResponse })
  async read(@Param('orderId', { schema: orderId }) id: string): Promise<ReservationResponse> {
    return toReservationResponse((await this.findReservation.byOrder(id)) ?? notFound(id));
  }
}

function notFound(id: string): never {
  throw new Problem({
    status: 404,
    title: 'No such reservation',
    detail: `There is no reservation for order ${id}.`,
  });
}
