import { Controller, Get, Header, HttpCode, Post } from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { Audience, Problem, Repeatable } from '@atlas/service';
import { z } from 'zod';
import { AdoptOutbox } from '../../../application/commands/adopt-outbox';
import { GetRelayStatus, type RelayStatus } from '../../../application/queries/get-relay-status';

const adoptionResponse = z
  .object({
    waiting: z.int().describe('Events that are published now, some of them once more under the same ids'),
    isEstimate: z.boolean().describe('Whether there are too many to count'),
    lost: z.object({
      count: z.int().describe('Events that are on the log and no longer in the database'),
      newest: z.array(
        z.object({
          id: z.string(),
          type: z.string().nullable(),
          key: z.string().nullable(),
          at: z.iso.datetime().describe('When the log received it'),
        }),
      ),
    }),
    renumbered: z.int().describe('Rows that came from another server and got new transaction numbers'),
  })
  .meta({ id: 'Adoption' });

@ApiTags('relay')
@Audience('operator')
@Controller('relay')
export class RelayController {
  constructor(
    private readonly getStatus: GetRelayStatus,
    private readonly adoptOutbox: AdoptOutbox,
  ) {}

  @Get()
  @Header('Cache-Control', 'no-store')
  @ApiOperation({ summary: 'Role, progress and backlog of this relay' })
  status(): Promise<RelayStatus> {
    return this.getStatus.execute();
  }

  @Post('adopt')
  @HttpCode(200)
  @Repeatable('Once a database is adopted, the relay knows it, so there is nothing left to adopt.')
  @ApiOperation({ summary: 'Continue publishing from a database that has replaced another' })
  @ApiResponse({ status: 200, standardSchema: adoptionResponse })
  async adopt(): Promise<z.infer<typeof adoptionResponse>> {
    const adoption = await this.adoptOutbox.execute();
    if (adoption.state === 'refused') {
      throw new Problem({ status: 409, title: 'Nothing to adopt', detail: `${adoption.reason}.` });
    }
    const { backlog, lost, renumbered } = adoption;
    return {
      waiting: backlog.rows,
      isEstimate: backlog.isEstimate,
      lost: {
        count: lost.count,
        newest: lost.newest.map((event) => ({ ...event, at: event.at.toISOString() })),
      },
      renumbered,
    };
  }
}
