import { join } from 'node:path';
import { ESLint } from 'eslint';

/** Lints code as if it were in `file`, with the workspace's own configuration, for the rules of the rooms alone. */
async function lint(file: string, code: string): Promise<readonly string[]> {
  const root = join(__dirname, '../..');
  const eslint = new ESLint({
    cwd: root,
    overrideConfig: { languageOptions: { parserOptions: { projectService: false } } },
    ruleFilter: ({ ruleId }) => ruleId.startsWith('no-restricted-'),
  });
  const [result] = await eslint.lintText(code, { filePath: join(root, file) });
  return (result?.messages ?? []).map((message) => message.message);
}

describe('The import rule', () => {
  it.each([
    ['apps/orders/src/domain/order.ts', '@nestjs/common'],
    ['apps/orders/src/domain/order.ts', '@atlas/ports/application'],
    ['apps/orders/src/domain/order.ts', 'node:fs'],
    ['apps/orders/src/domain/order.ts', '../application/ports'],
    ['apps/orders/src/application/commands/place-order.ts', 'typeorm'],
    ['apps/orders/src/application/commands/place-order.ts', '@atlas/adapters/postgres'],
    ['apps/orders/src/application/commands/place-order.ts', '@atlas/contracts'],
    ['apps/orders/src/application/commands/place-order.ts', '@atlas/ports/adapters'],
    ['apps/orders/src/application/commands/place-order.ts', './cancel-order'],
    ['apps/orders/src/adapters/driving/http/orders.controller.ts', '../../driven/postgres/orders.repository'],
    ['apps/orders/src/adapters/driving/http/orders.controller.ts', '@atlas/ports/adapters'],
    ['apps/orders/src/adapters/driving/http/orders.controller.ts', 'typeorm'],
    ['apps/orders/src/adapters/driven/postgres/orders.repository.ts', '../../driving/http/orders.schemas'],
    [
      'apps/orders/src/adapters/driven/postgres/orders.repository.ts',
      '../../../application/commands/place-order',
    ],
    [
      'apps/orders/src/application/commands/place-order.ts',
      '../../adapters/driven/postgres/orders.repository',
    ],
    ['apps/inventory/src/domain/new-file.ts', '../../../orders/src/domain/order'],
  ])('refuses that %s imports %s', async (file, module) => {
    expect(await lint(file, `import { x } from '${module}';\nexport const y = x;\n`)).toEqual([
      expect.stringContaining(`'${module}' import is restricted`),
    ]);
  });

  it.each([
    ['apps/orders/src/domain/order.ts', '@atlas/kernel'],
    ['apps/orders/src/domain/order.ts', './order-line'],
    ['apps/orders/src/application/commands/place-order.ts', '../../domain/order'],
    ['apps/orders/src/application/commands/place-order.ts', '../ports'],
    ['apps/orders/src/application/commands/place-order.ts', '@atlas/ports/application'],
    ['apps/orders/src/adapters/driven/postgres/orders.repository.ts', 'typeorm'],
    ['apps/orders/src/adapters/driven/postgres/orders.repository.ts', '../../../application/ports'],
    [
      'apps/orders/src/adapters/driving/http/orders.controller.ts',
      '../../../application/commands/place-order',
    ],
  ])('lets %s import %s', async (file, module) => {
    expect(await lint(file, `import { x } from '${module}';\nexport const y = x;\n`)).toEqual([]);
  });
});

describe('The rule about time and chance', () => {
  it.each([
    ['apps/orders/src/domain/order.ts', 'new Date()'],
    ['apps/orders/src/application/commands/place-order.ts', 'Date.now()'],
    ['apps/orders/src/application/commands/place-order.ts', 'Math.random()'],
  ])('refuses that %s calls %s', async (file, code) => {
    expect(await lint(file, `export const y = ${code};\n`)).toHaveLength(1);
  });

  it.each([
    ['apps/orders/src/domain/order.ts', 'new Date(0)'],
    ['apps/orders/src/adapters/driving/http/orders.controller.ts', 'new Date()'],
  ])('lets %s call %s', async (file, code) => {
    expect(await lint(file, `export const y = ${code};\n`)).toEqual([]);
  });
});
