import { Controller, Get, Query, UseInterceptors } from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { Audience } from '@atlas/service';
import { ListBookEntries } from '../../../application/queries/list-book-entries';
import {
  booksQuery,
  type BooksQuery,
  booksResponse,
  type BooksResponse,
  toBooksResponse,
} from './books.schemas';
import { FaultInterceptor, IsOperation } from './fault.interceptor';

@ApiTags('books')
@Audience('partner')
@Controller('books')
@UseInterceptors(FaultInterceptor)
export class BooksController {
  constructor(private readonly listBookEntries: ListBookEntries) {}

  @Get()
  @IsOperation('read')
  @ApiOperation({ summary: 'Read all movements of money, page by page, to compare them with your own books' })
  @ApiResponse({ status: 200, standardSchema: booksResponse })
  async entries(@Query({ schema: booksQuery }) query: BooksQuery): Promise<BooksResponse> {
    return toBooksResponse(await this.listBookEntries.execute(query));
  }
}
