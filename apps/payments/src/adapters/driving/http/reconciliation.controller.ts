import { Controller, Get, Header } from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { ReconcileBooks } from '../../../application/commands/reconcile-books';
import { reconciliationResponse, type ReconciliationResponse } from './payments.schemas';

@ApiTags('reconciliation')
@Controller('reconciliation')
export class ReconciliationController {
  constructor(private readonly reconcileBooks: ReconcileBooks) {}

  @Get()
  @Header('Cache-Control', 'no-store')
  @ApiOperation({
    summary: "How far the provider's books are read, and where they differ from ours",
    description:
      'Differences that can be settled without a question to anyone are settled by themselves; what stays here for ' +
      'more than a few minutes is for an operator and the provider.',
  })
  @ApiResponse({ status: 200, standardSchema: reconciliationResponse })
  async read(): Promise<ReconciliationResponse> {
    return {
      position: (await this.reconcileBooks.position()) ?? null,
      differences: [...(await this.reconcileBooks.differences())],
    };
  }
}
