import { Body, Controller, Get, Headers, HttpCode, Param, Post, Put, Query, Res } from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { skuCode } from '@atlas/contracts';
import { Audience, notFound, pointerTo, Problem, type ProblemField, Repeatable } from '@atlas/service';
import type { FastifyReply } from 'fastify';
import { type ProductRefusal, PutProduct } from '../../../application/commands/put-product';
import { RetireProduct } from '../../../application/commands/retire-product';
import { GetProduct } from '../../../application/queries/get-product';
import { SearchProducts, type SearchRefusal } from '../../../application/queries/search-products';
import type { Product } from '../../../domain/product';
import {
  foundProductsResponse,
  type FoundProductsResponse,
  productResponse,
  type ProductResponse,
  putProductBody,
  type PutProductBody,
  searchProductsQuery,
  type SearchProductsQuery,
  toFoundResponse,
  toProductDraft,
  toProductResponse,
  toWanted,
} from './catalog.schemas';
import { cursorOf, placeIn } from './cursor';
import { toProblemFields } from './flaws';
import {
  ApiPreconditions,
  etagOf,
  expectationIn,
  isKnown,
  type RequestHeaders,
  unexpected,
} from './preconditions';

@ApiTags('products')
@Audience('staff')
@Controller('products')
export class ProductsController {
  constructor(
    private readonly putProduct: PutProduct,
    private readonly retireProduct: RetireProduct,
    private readonly getProduct: GetProduct,
    private readonly searchProducts: SearchProducts,
  ) {}

  @Put(':sku')
  @ApiOperation({ summary: 'List a product, or revise it' })
  @ApiPreconditions()
  @ApiResponse({ status: 200, standardSchema: productResponse })
  @ApiResponse({ status: 201, standardSchema: productResponse })
  async put(
    @Param('sku', { schema: skuCode }) sku: string,
    @Body({ schema: putProductBody }) body: PutProductBody,
    @Headers() headers: RequestHeaders,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<ProductResponse> {
    const expected = expectationIn(headers);
    const put = await this.putProduct.execute({ sku, draft: toProductDraft(body), expected });
    if (!put.ok) refuse(put.error, body);
    const { product, isNew } = put.value;
    if (isNew) void reply.status(201).header('Location', `/products/${sku}`);
    return answer(product, reply);
  }

  @Post(':sku/retire')
  @HttpCode(200)
  @Repeatable('A product that is retired stays so, and one that was listed again has another ETag')
  @ApiOperation({ summary: 'Take a product out of sale; orders that have it keep it' })
  @ApiPreconditions()
  @ApiResponse({ status: 200, standardSchema: productResponse })
  async retire(
    @Param('sku', { schema: skuCode }) sku: string,
    @Headers() headers: RequestHeaders,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<ProductResponse> {
    const retired =
      (await this.retireProduct.execute(sku, expectationIn(headers))) ?? notFound('product', sku);
    return answer(retired.ok ? retired.value : unexpected('product', retired.error), reply);
  }

  @Get(':sku')
  @Audience('user', 'staff')
  @ApiOperation({ summary: 'Read a product' })
  @ApiResponse({ status: 200, standardSchema: productResponse })
  @ApiResponse({ status: 304, description: 'It still has the ETag that If-None-Match names' })
  async read(
    @Param('sku', { schema: skuCode }) sku: string,
    @Headers() headers: RequestHeaders,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<ProductResponse | undefined> {
    const product = (await this.getProduct.execute(sku)) ?? notFound('product', sku);
    const response = answer(product, reply);
    if (!isKnown(headers, product)) return response;
    void reply.status(304);
    return undefined;
  }

  @Get()
  @Audience('user', 'staff')
  @ApiOperation({ summary: 'Find products: by relevance if there are words to look for, otherwise by SKU' })
  @ApiResponse({ status: 200, standardSchema: foundProductsResponse })
  async search(
    @Query({ schema: searchProductsQuery }) query: SearchProductsQuery,
  ): Promise<FoundProductsResponse> {
    const { limit, cursor, ...search } = query;
    const found = await this.searchProducts.execute({
      ...search,
      attributes: [search.attribute].flat().map(toWanted),
      limit,
      after: cursor === undefined ? undefined : placeIn(cursor, search),
    });
    if (!found.ok) refuseSearch(found.error, query);
    const last = found.value.at(-1);
    return {
      products: found.value.map(toFoundResponse),
      nextCursor: last && found.value.length === limit ? cursorOf(last.place, search) : undefined,
    };
  }
}

function answer(product: Product, reply: FastifyReply): ProductResponse {
  void reply.header('ETag', etagOf(product));
  return toProductResponse(product);
}

function refuse(refusal: ProductRefusal, { category }: PutProductBody): never {
  switch (refusal.type) {
    case 'unexpected':
      return unexpected('product', refusal.found);
    case 'unknown-category':
      throw new Problem({
        status: 422,
        title: 'Unknown category',
        detail: `There is no category "${category}"; define it with PUT /categories/${category}.`,
        errors: [{ pointer: '/category', detail: `"${category}" is not defined` }],
      });
    case 'wrong-attributes':
      throw new Problem({
        status: 422,
        title: 'Wrong attributes',
        detail: `The attributes are not as the category "${category}" asks; see \`errors\`.`,
        errors: toProblemFields('attributes', refusal.flaws),
      });
  }
}

function refuseSearch(refusal: SearchRefusal, { category, attribute }: SearchProductsQuery): never {
  const inQuery = (pointer: string, detail: string) => {
    const errors: readonly ProblemField[] = [{ in: 'query', pointer, detail }];
    const sentence = 'The request query is invalid; see `errors`.';
    return new Problem({ status: 400, title: 'Invalid request', detail: sentence, errors });
  };
  switch (refusal.type) {
    case 'unknown-category':
      throw inQuery('/category', `There is no category "${category}"; GET /categories lists them`);
    case 'no-words':
      throw inQuery('/words', 'It has no word to look for: operators and words such as "the" are none');
    case 'wrong-attribute':
      throw inQuery(
        pointerTo(['attribute', ...(Array.isArray(attribute) ? [refusal.index] : [])]),
        refusal.detail,
      );
  }
}
