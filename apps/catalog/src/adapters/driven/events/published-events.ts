import { PriceChanged, ProductListed, ProductRetired, ProductRevised } from '@atlas/contracts';
import type { NewEvent } from '@atlas/events';
import { publishedAs } from '@atlas/ports/adapters';
import type { Product } from '../../../domain/product';
import type { ProductEvent } from '../../../domain/product-events';

function translate(event: ProductEvent, { id: sku }: Product): Pick<NewEvent, 'contract' | 'data'> {
  switch (event.type) {
    case 'product-listed': {
      const { name, category, price } = event;
      return { contract: ProductListed, data: { sku, category, name, price: price.toJSON() } };
    }
    case 'product-revised':
      return { contract: ProductRevised, data: { sku, category: event.category, name: event.name } };
    case 'price-changed': {
      const { price, was } = event;
      return { contract: PriceChanged, data: { sku, price: price.toJSON(), was: was.toJSON() } };
    }
    case 'product-retired':
      return { contract: ProductRetired, data: { sku } };
  }
}

/** Translates the events of a change to the published language. */
export const published = publishedAs(translate);
