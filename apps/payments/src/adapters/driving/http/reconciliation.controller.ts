import { Controller, Get, Header } from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { Audience } from '@atlas/service';
import { GetReconciliation } from '../../../application/queries/get-reconciliation';
import {
  reconciliationResponse,
  type ReconciliationResponse,
  toReconciliationResponse,
} from './reconciliation.schemas';

@ApiTags('reconciliation')
@Audience('staff', 'operator')
@Controller('reconciliation')
export class ReconciliationController {
  constructor(private readonly getReconciliation: GetReconciliation) {}

  @Get()
  @Header('Cache-Control', 'no-store')
  @ApiOperation({
    summary: "Read how far the provider's books have been read, and where they differ from ours",
    description:
      'Most differences are settled automatically. One that stays for more than a few minutes needs an operator, who ' +
      'settles it with the provider.',
  })
  @ApiResponse({ status: 200, standardSchema: reconciliationResponse })
  async read(): Promise<ReconciliationResponse> {
    return toReconciliationResponse(await this.getReconciliation.execute());
  }
}
