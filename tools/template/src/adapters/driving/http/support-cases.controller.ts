import { Body, Controller, Get, HttpCode, Param, Post, Query, Res } from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { Audience, Idempotent, notFound } from '@atlas/service';
import type { FastifyReply } from 'fastify';
import { CloseSupportCase } from '../../../application/commands/close-support-case';
import { OpenSupportCase } from '../../../application/commands/open-support-case';
import { GetSupportCase } from '../../../application/queries/get-support-case';
import { ListSupportCases } from '../../../application/queries/list-support-cases';
import {
  listSupportCasesQuery,
  type ListSupportCasesQuery,
  openSupportCaseBody,
  type OpenSupportCaseBody,
  supportCaseId,
  supportCaseResponse,
  type SupportCaseResponse,
  supportCasesResponse,
  type SupportCasesResponse,
  toSupportCaseResponse,
} from './help-desk.schemas';

@ApiTags('support-cases')
@Audience('user', 'staff')
@Controller('support-cases')
export class SupportCasesController {
  constructor(
    private readonly openSupportCase: OpenSupportCase,
    private readonly closeSupportCase: CloseSupportCase,
    private readonly getSupportCase: GetSupportCase,
    private readonly listSupportCases: ListSupportCases,
  ) {}

  @Post()
  @Idempotent()
  @ApiOperation({ summary: 'Open a support case' })
  @ApiResponse({ status: 201, standardSchema: supportCaseResponse })
  async open(
    @Body({ schema: openSupportCaseBody }) body: OpenSupportCaseBody,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<SupportCaseResponse> {
    const opened = await this.openSupportCase.execute(body);
    void reply.header('Location', `/support-cases/${opened.id}`);
    return toSupportCaseResponse(opened);
  }

  @Get(':id')
  @ApiOperation({ summary: 'Read a support case' })
  @ApiResponse({ status: 200, standardSchema: supportCaseResponse })
  async read(@Param('id', { schema: supportCaseId }) id: string): Promise<SupportCaseResponse> {
    return toSupportCaseResponse((await this.getSupportCase.execute(id)) ?? notFound('support case', id));
  }

  @Get()
  @ApiOperation({ summary: 'List support cases, newest first' })
  @ApiResponse({ status: 200, standardSchema: supportCasesResponse })
  async list(
    @Query({ schema: listSupportCasesQuery }) query: ListSupportCasesQuery,
  ): Promise<SupportCasesResponse> {
    const { status, limit, cursor } = query;
    const supportCases = await this.listSupportCases.execute({ status, limit, after: cursor });
    return {
      supportCases: supportCases.map(toSupportCaseResponse),
      nextCursor: supportCases.length === limit ? supportCases.at(-1)?.id : undefined,
    };
  }

  @Post(':id/close')
  @HttpCode(200)
  @Idempotent()
  @ApiOperation({ summary: 'Close a support case' })
  @ApiResponse({ status: 200, standardSchema: supportCaseResponse })
  async close(@Param('id', { schema: supportCaseId }) id: string): Promise<SupportCaseResponse> {
    return toSupportCaseResponse((await this.closeSupportCase.execute(id)) ?? notFound('support case', id));
  }
}
