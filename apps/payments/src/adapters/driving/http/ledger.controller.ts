import { Controller, Get } from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { Audience } from '@atlas/service';
import { GetBalances } from '../../../application/queries/get-balances';
import { balancesResponse, type BalancesResponse, toBalancesResponse } from './ledger.schemas';

@ApiTags('ledger')
@Audience('staff')
@Controller('ledger')
export class LedgerController {
  constructor(private readonly getBalances: GetBalances) {}

  @Get('balances')
  @ApiOperation({ summary: "Read the accounts' balances" })
  @ApiResponse({ status: 200, standardSchema: balancesResponse })
  async balances(): Promise<BalancesResponse> {
    return toBalancesResponse(await this.getBalances.execute());
  }
}
