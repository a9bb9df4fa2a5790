import { Controller, Get, Header } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { GetRelayStatus, type RelayStatus } from '../../../application/queries/get-relay-status';

@ApiTags('relay')
@Controller('relay')
export class RelayController {
  constructor(private readonly getStatus: GetRelayStatus) {}

  @Get()
  @Header('Cache-Control', 'no-store')
  @ApiOperation({ summary: 'Role, progress and backlog of this relay' })
  status(): Promise<RelayStatus> {
    return this.getStatus.execute();
  }
}
