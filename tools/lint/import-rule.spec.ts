import { join } from 'node:path';
import { ESLint } from 'eslint';

/** Lints code as if it stood in `file`, with the workspace's own configuration, for the rooms' rule alone. */
async function lint(file: string, code: string): Promise<readonly string[]> {
  const root = join(__dirname, '../..');
  const eslint = new ESLint({
    cwd: root,
    overrideConfig: { languageOptions: { parserOptions: { projectService: false } } },
    ruleFilter: ({ ruleId }) => ruleId === 'no-restricted-imports',
  });
  const [result] = await eslint.lintText(code, { filePath: join(root, file) });
  return (result?.messages ?? []).map((message) => message.message);
}

describe('The import rule', () => {
  it.each([
    ['apps/orders/src/domain/order.ts', '@nestjs/common'],
    ['apps/orders/src/domain/order.ts', '@atlas/ports'],
    ['apps/orders/src/domain/order.ts', 'node:fs'],
    ['apps/orders/src/domain/order.ts', '../application/ports'],
    ['apps/orders/src/application/place-order.ts', 'typeorm'],
    ['apps/orders/src/application/place-order.ts', '@atlas/adapters/postgres'],
    ['apps/orders/src/application/place-order.ts', '@atlas/contracts'],
    ['apps/orders/src/application/place-order.ts', '../adapters/out/postgres/orders.repository'],
    ['apps/inventory/src/domain/new-file.ts', '../../../orders/src/domain/order'],
  ])('refuses that %s imports %s', async (file, module) => {
    expect(await lint(file, `import { x } from '${module}';\nexport const y = x;\n`)).toEqual([
      expect.stringContaining(`'${module}' import is restricted`),
    ]);
  });

  it.each([
    ['apps/orders/src/domain/order.ts', '@atlas/kernel'],
    ['apps/orders/src/domain/order.ts', './order-line'],
    ['apps/orders/src/application/place-order.ts', '../domain/order'],
    ['apps/orders/src/application/place-order.ts', '@atlas/ports'],
    ['apps/orders/src/adapters/out/postgres/orders.repository.ts', 'typeorm'],
  ])('lets %s import %s', async (file, module) => {
    expect(await lint(file, `import { x } from '${module}';\nexport const y = x;\n`)).toEqual([]);
  });
});
