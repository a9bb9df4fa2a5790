import { Body, Controller, Delete, Get, HttpCode, Logger, Put } from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { Audience } from '@atlas/service';
import { ClearFaults } from '../../../application/commands/clear-faults';
import { SetFaults } from '../../../application/commands/set-faults';
import { GetFaults } from '../../../application/queries/get-faults';
import {
  faultsBody,
  type FaultsBody,
  faultsResponse,
  type FaultsResponse,
  toFaultsResponse,
} from './faults.schemas';

@ApiTags('faults')
@Audience('operator')
@Controller('faults')
export class FaultsController {
  private readonly logger = new Logger(FaultsController.name);

  constructor(
    private readonly setFaults: SetFaults,
    private readonly clearFaults: ClearFaults,
    private readonly getFaults: GetFaults,
  ) {}

  @Put()
  @ApiOperation({
    summary: 'Turn these faults on, from now, and all others off',
    description: 'They affect charges, refunds and the books of this process, and end with it at the latest.',
  })
  @ApiResponse({ status: 200, standardSchema: faultsResponse })
  set(@Body({ schema: faultsBody }) document: FaultsBody): FaultsResponse {
    const plan = this.setFaults.execute(document);
    this.logger.warn(`Faults are on: ${document.faults.map(({ kind }) => kind).join(', ') || 'none'}`);
    return toFaultsResponse(plan);
  }

  @Get()
  @ApiOperation({ summary: 'Read which faults are on, and how often each was injected' })
  @ApiResponse({ status: 200, standardSchema: faultsResponse })
  read(): FaultsResponse {
    return toFaultsResponse(this.getFaults.execute());
  }

  @Delete()
  @HttpCode(204)
  @ApiOperation({ summary: 'Turn all faults off' })
  clear(): void {
    this.clearFaults.execute();
    this.logger.log('Faults are off');
  }
}
