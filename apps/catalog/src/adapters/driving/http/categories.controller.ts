import { Body, Controller, Get, Headers, Param, Put, Query, Res } from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { Audience, notFound, pointerTo, Problem } from '@atlas/service';
import type { FastifyReply } from 'fastify';
import { type CategoryRefusal, PutCategory } from '../../../application/commands/put-category';
import { GetCategory } from '../../../application/queries/get-category';
import { ListCategories } from '../../../application/queries/list-categories';
import type { Category } from '../../../domain/category';
import {
  categoriesResponse,
  type CategoriesResponse,
  categoryName,
  categoryResponse,
  type CategoryResponse,
  listCategoriesQuery,
  type ListCategoriesQuery,
  putCategoryBody,
  type PutCategoryBody,
  toCategoryDraft,
  toCategoryResponse,
} from './catalog.schemas';
import { toProblemFields } from './flaws';
import { ApiPreconditions, etagOf, expectationIn, type RequestHeaders, unexpected } from './preconditions';

@ApiTags('categories')
@Audience('staff')
@Controller('categories')
export class CategoriesController {
  constructor(
    private readonly putCategory: PutCategory,
    private readonly getCategory: GetCategory,
    private readonly listCategories: ListCategories,
  ) {}

  @Put(':name')
  @ApiOperation({
    summary: "Define a category, or change the schema that all its products' attributes satisfy",
  })
  @ApiPreconditions()
  @ApiResponse({ status: 200, standardSchema: categoryResponse })
  @ApiResponse({ status: 201, standardSchema: categoryResponse })
  async put(
    @Param('name', { schema: categoryName }) name: string,
    @Body({ schema: putCategoryBody }) body: PutCategoryBody,
    @Headers() headers: RequestHeaders,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<CategoryResponse> {
    const expected = expectationIn(headers);
    const put = await this.putCategory.execute({ name, draft: toCategoryDraft(body), expected });
    if (!put.ok) refuse(put.error);
    const { category, isNew } = put.value;
    if (isNew) void reply.status(201).header('Location', `/categories/${name}`);
    return answer(category, reply);
  }

  @Get(':name')
  @Audience('user', 'staff')
  @ApiOperation({ summary: 'Read a category and its schema' })
  @ApiResponse({ status: 200, standardSchema: categoryResponse })
  async read(
    @Param('name', { schema: categoryName }) name: string,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<CategoryResponse> {
    return answer((await this.getCategory.execute(name)) ?? notFound('category', name), reply);
  }

  @Get()
  @Audience('user', 'staff')
  @ApiOperation({ summary: 'List categories by name' })
  @ApiResponse({ status: 200, standardSchema: categoriesResponse })
  async list(
    @Query({ schema: listCategoriesQuery }) { limit, cursor }: ListCategoriesQuery,
  ): Promise<CategoriesResponse> {
    const categories = await this.listCategories.execute({ limit, after: cursor });
    return {
      categories: categories.map(toCategoryResponse),
      nextCursor: categories.length === limit ? categories.at(-1)?.id : undefined,
    };
  }
}

function answer(category: Category, reply: FastifyReply): CategoryResponse {
  void reply.header('ETag', etagOf(category));
  return toCategoryResponse(category);
}

function refuse(refusal: CategoryRefusal): never {
  switch (refusal.type) {
    case 'unexpected':
      return unexpected('category', refusal.found);
    case 'wrong-schema':
      throw new Problem({
        status: 422,
        title: 'Wrong schema',
        detail: 'No attributes could be checked by this schema; see `errors`.',
        errors: toProblemFields('schema', refusal.flaws),
      });
    case 'misfits':
      throw new Problem({
        status: 409,
        title: 'Products do not fit',
        detail:
          'The new schema would not allow products that the category has; revise or retire them first, or allow them.',
        errors: refusal.first.flatMap(({ sku, flaws }) =>
          flaws.slice(0, 5).map(({ path, detail }) => ({
            pointer: '/schema',
            detail: `Product ${sku}, ${pointerTo(['attributes', ...path])}: ${detail}`,
          })),
        ),
      });
  }
}
