import { Body, Controller, Delete, Get, HttpCode, Logger, Put } from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { Misbehave } from '../../../application/commands/misbehave';
import { faultsBody, type FaultsBody, faultsResponse, type FaultsResponse } from './faults.schemas';

@ApiTags('faults')
@Controller('faults')
export class FaultsController {
  private readonly logger = new Logger(FaultsController.name);

  constructor(private readonly misbehave: Misbehave) {}

  @Put()
  @ApiOperation({
    summary: 'Turn faults on, from now, and all others off',
    description:
      'They strike charges, refunds and the books; this process alone, and until it ends at the latest.',
  })
  @ApiResponse({ status: 200, standardSchema: faultsResponse })
  begin(@Body({ schema: faultsBody }) document: FaultsBody): FaultsResponse {
    this.misbehave.begin(document);
    this.logger.warn(
      `Misbehaves from now on: ${document.faults.map(({ kind }) => kind).join(', ') || 'not at all'}`,
    );
    return this.read();
  }

  @Get()
  @ApiOperation({ summary: 'Which faults are on, and what they have done' })
  @ApiResponse({ status: 200, standardSchema: faultsResponse })
  read(): FaultsResponse {
    const { document, struck } = this.misbehave.plan;
    return { faults: document as FaultsBody, struck: [...struck] };
  }

  @Delete()
  @HttpCode(204)
  @ApiOperation({ summary: 'Turn all faults off' })
  end(): void {
    this.misbehave.end();
    this.logger.log('Behaves well again');
  }
}
