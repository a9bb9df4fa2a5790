import { type DynamicModule, Module } from '@nestjs/common';
import { EventLogModule } from '@atlas/adapters/event-log';
import { provide, serve } from '@atlas/adapters/nest';
import { PostgresModule, PostgresUnitOfWork } from '@atlas/adapters/postgres';
import { Outbox } from '@atlas/ports/adapters';
import { Clock } from '@atlas/ports/application';
import context from '../context.json';
import { AjvAttributeChecker } from './adapters/driven/ajv/ajv-attribute-checker';
import { PostgresCategoryRepository } from './adapters/driven/postgres/categories.repository';
import { CategoryEntity } from './adapters/driven/postgres/category.mapping';
import { Catalog1795821439854 } from './adapters/driven/postgres/migrations/1-catalog';
import { ProductEntity } from './adapters/driven/postgres/product.mapping';
import { PostgresProductRepository } from './adapters/driven/postgres/products.repository';
import { CategoriesController } from './adapters/driving/http/categories.controller';
import { ProductsController } from './adapters/driving/http/products.controller';
import { PutCategory } from './application/commands/put-category';
import { PutProduct } from './application/commands/put-product';
import { RetireProduct } from './application/commands/retire-product';
import { AttributeChecker, CategoryRepository, ProductRepository } from './application/ports';
import { GetCategory } from './application/queries/get-category';
import { GetProduct } from './application/queries/get-product';
import { ListCategories } from './application/queries/list-categories';
import { SearchProducts } from './application/queries/search-products';
import type { CatalogSettings } from './catalog.settings';

@Module({})
export class CatalogModule {
  static register(settings: CatalogSettings): DynamicModule {
    const commands = [
      provide(PutProduct, ProductRepository, AttributeChecker, Clock),
      provide(RetireProduct, ProductRepository, Clock),
      provide(PutCategory, CategoryRepository, AttributeChecker, Clock),
    ];
    const queries = [
      provide(GetProduct, ProductRepository),
      provide(SearchProducts, ProductRepository, CategoryRepository),
      provide(GetCategory, CategoryRepository),
      provide(ListCategories, CategoryRepository),
    ];
    const ports = [
      serve(ProductRepository, PostgresProductRepository, PostgresUnitOfWork, Outbox),
      serve(CategoryRepository, PostgresCategoryRepository, PostgresUnitOfWork, Outbox),
      serve(AttributeChecker, AjvAttributeChecker),
    ];

    return {
      module: CatalogModule,
      imports: [
        PostgresModule.register(settings, {
          entities: [ProductEntity, CategoryEntity],
          migrations: [Catalog1795821439854],
        }),
        EventLogModule.register(context.name, settings),
      ],
      controllers: [ProductsController, CategoriesController],
      providers: [...commands, ...queries, ...ports],
    };
  }
}
