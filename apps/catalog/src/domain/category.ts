import { type Change, changed, unchanged } from '@atlas/kernel';
import { isSame } from './attributes';
import type { AttributesSchema } from './attributes-schema';

/** What is said of a category; the rest follows from its life. */
export interface CategoryDraft {
  readonly title: string;
  /** What every listed product's attributes must satisfy. */
  readonly schema: AttributesSchema;
}

export interface CategoryState extends CategoryDraft {
  /** Such as `coffee`. */
  readonly name: string;
  /** Counts its changes. */
  readonly version: number;
  readonly changedAt: Date;
}

/** The category's own; not published, as other contexts know products only. */
export interface CategoryDefined {
  readonly type: 'category-defined';
}

export type CategoryChange = Change<Category, CategoryDefined>;

/** Products that have the same attributes. */
export class Category {
  constructor(private readonly state: CategoryState) {}

  static define(name: string, draft: CategoryDraft, at: Date): CategoryChange {
    return changed(new Category({ ...draft, name, version: 1, changedAt: at }), {
      type: 'category-defined',
    });
  }

  get id(): string {
    return this.state.name;
  }

  get version(): number {
    return this.state.version;
  }

  get schema(): AttributesSchema {
    return this.state.schema;
  }

  snapshot(): CategoryState {
    return this.state;
  }

  /** Whether it already is what the draft says. */
  is({ title, schema }: CategoryDraft): boolean {
    return isSame({ title, schema }, { title: this.state.title, schema: this.state.schema });
  }

  redefine(draft: CategoryDraft, at: Date): CategoryChange {
    if (this.is(draft)) return unchanged(this);
    const version = this.version + 1;
    return changed(new Category({ ...this.state, ...draft, version, changedAt: at }), {
      type: 'category-defined',
    });
  }
}
