import { type Change, changed, type Money, unchanged } from '@atlas/kernel';
import { type Attributes, isSame } from './attributes';
import type { ProductEvent } from './product-events';

export const PRODUCT_STATUSES = ['listed', 'retired'] as const;

export type ProductStatus = (typeof PRODUCT_STATUSES)[number];

/** What is said of a product; the rest follows from its life. */
export interface ProductDraft {
  readonly category: string;
  readonly name: string;
  /** Empty if there is none. */
  readonly description: string;
  readonly price: Money;
  readonly attributes: Attributes;
}

export interface ProductState extends ProductDraft {
  readonly sku: string;
  readonly status: ProductStatus;
  readonly version: number;
  /** When it was first listed. */
  readonly listedAt: Date;
  readonly changedAt: Date;
}

export type ProductChange = Change<Product, ProductEvent>;

/** Something that the shop sells: listed → retired, and back. Its version tells every change, also to those who edit it. */
export class Product {
  constructor(private readonly state: ProductState) {}

  static list(sku: string, draft: ProductDraft, at: Date): ProductChange {
    const product = new Product({
      ...draft,
      sku,
      status: 'listed',
      version: 1,
      listedAt: at,
      changedAt: at,
    });
    return changed(product, listed(draft));
  }

  /** Each SKU has one product. */
  get id(): string {
    return this.state.sku;
  }

  get version(): number {
    return this.state.version;
  }

  get category(): string {
    return this.state.category;
  }

  get attributes(): Attributes {
    return this.state.attributes;
  }

  snapshot(): ProductState {
    return this.state;
  }

  /** Whether it is listed and already is what the draft says. */
  is(draft: ProductDraft): boolean {
    return this.state.status === 'listed' && this.describesAs(draft) && this.state.price.equals(draft.price);
  }

  /** Lists the product as the draft says; one that was retired is for sale again. */
  revise(draft: ProductDraft, at: Date): ProductChange {
    if (this.state.status === 'retired') return this.become(draft, 'listed', at, [listed(draft)]);
    const { name, category, price } = draft;
    const events: ProductEvent[] = [];
    if (!this.describesAs(draft)) events.push({ type: 'product-revised', name, category });
    if (!price.equals(this.state.price)) {
      events.push({ type: 'price-changed', price, was: this.state.price });
    }
    return events.length > 0 ? this.become(draft, 'listed', at, events) : unchanged(this);
  }

  retire(at: Date): ProductChange {
    if (this.state.status === 'retired') return unchanged(this);
    return this.become(this.state, 'retired', at, [{ type: 'product-retired' }]);
  }

  private describesAs({ category, name, description, attributes }: ProductDraft): boolean {
    const { state } = this;
    return (
      state.category === category &&
      state.name === name &&
      state.description === description &&
      isSame(state.attributes, attributes)
    );
  }

  private become(
    { category, name, description, price, attributes }: ProductDraft,
    status: ProductStatus,
    at: Date,
    events: readonly ProductEvent[],
  ): ProductChange {
    const next = new Product({
      ...this.state,
      category,
      name,
      description,
      price,
      attributes,
      status,
      version: this.version + events.length,
      changedAt: at,
    });
    return { next, events };
  }
}

const listed = ({ name, category, price }: ProductDraft): ProductEvent => ({
  type: 'product-listed',
  name,
  category,
  price,
});
