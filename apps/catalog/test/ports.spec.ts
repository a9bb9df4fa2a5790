import { UnitOfWork } from '@atlas/ports/adapters';
import { MemoryContext } from '@atlas/testing';
import { startContext } from '@atlas/testing/context';
import { MemoryCategoryRepository } from '../src/adapters/driven/memory/categories.repository';
import { MemoryProductRepository } from '../src/adapters/driven/memory/products.repository';
import { CategoryRepository, ProductRepository } from '../src/application/ports';
import { catalogApp } from '../src/catalog.app';
import { categoryRepositoryContract } from './category-repository.contract';
import { productRepositoryContract } from './product-repository.contract';

const inMemory = async () => {
  const context = new MemoryContext();
  const { unitOfWork, outbox } = context;
  const categories = new MemoryCategoryRepository(unitOfWork, outbox);
  return {
    unitOfWork,
    categories,
    products: new MemoryProductRepository(unitOfWork, categories, outbox),
    told: (sku: string) => context.told(sku),
    stop: async () => undefined,
  };
};

const inPostgres = async () => {
  const context = await startContext(catalogApp);
  return {
    unitOfWork: context.get(UnitOfWork),
    categories: context.get(CategoryRepository),
    products: context.get(ProductRepository),
    told: (sku: string) => context.told(sku),
    stop: () => context.stop(),
  };
};

productRepositoryContract('in memory', inMemory);
productRepositoryContract('in PostgreSQL', inPostgres);
categoryRepositoryContract('in memory', inMemory);
categoryRepositoryContract('in PostgreSQL', inPostgres);
