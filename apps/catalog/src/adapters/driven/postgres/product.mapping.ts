import type { AggregateMapping } from '@atlas/adapters/postgres';
import { Money } from '@atlas/kernel';
import { EntitySchema } from 'typeorm';
import type { Attributes } from '../../../domain/attributes';
import { Product, type ProductStatus } from '../../../domain/product';
import type { ProductEvent } from '../../../domain/product-events';
import { published } from '../events/published-events';

export interface ProductRow {
  sku: string;
  version: number;
  document: ProductDocument;
}

/** A product as it is stored. */
export interface ProductDocument {
  readonly category: string;
  readonly name: string;
  readonly description: string;
  readonly price: { readonly minorUnits: number; readonly currency: string };
  readonly attributes: Attributes;
  readonly status: ProductStatus;
  readonly listedAt: string;
  readonly changedAt: string;
}

export const ProductEntity = new EntitySchema<ProductRow>({
  name: 'product',
  tableName: 'product',
  columns: {
    sku: { type: 'text', primary: true },
    version: { type: 'integer' },
    document: { type: 'jsonb' },
  },
});

export const productMapping: AggregateMapping<Product, ProductEvent, ProductRow> = {
  entity: ProductEntity,
  published,

  toRow(product) {
    const { sku, version, price, listedAt, changedAt, ...same } = product.snapshot();
    return {
      sku,
      version,
      document: {
        ...same,
        price: price.toJSON(),
        listedAt: listedAt.toISOString(),
        changedAt: changedAt.toISOString(),
      },
    };
  },

  fromRow({ sku, version, document: { price, listedAt, changedAt, ...same } }) {
    return new Product({
      ...same,
      sku,
      version,
      price: Money.of(price.minorUnits, price.currency),
      listedAt: new Date(listedAt),
      changedAt: new Date(changedAt),
    });
  },
};
