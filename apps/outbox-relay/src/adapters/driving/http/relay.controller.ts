import { Controller, Get, Header } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { RelayOutbox, type RelayStatus } from '../../../application/commands/relay-outbox';

@ApiTags('relay')
@Controller('relay')
export class RelayController {
  constructor(private readonly relay: RelayOutbox) {}

  @Get()
  @Header('Cache-Control', 'no-store')
  @ApiOperation({ summary: 'What it is doing, how far it is, and how much waits' })
  status(): Promise<RelayStatus> {
    return this.relay.status();
  }
}
