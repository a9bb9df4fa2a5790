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
    ['tools/template/src/domain/support-case.ts', '@nestjs/common'],
    ['tools/template/src/domain/support-case.ts', '@atlas/ports/application'],
    ['tools/template/src/domain/support-case.ts', 'node:fs'],
    ['tools/template/src/domain/support-case.ts', '../application/ports'],
    ['tools/template/src/application/commands/open-support-case.ts', 'typeorm'],
    ['tools/template/src/application/commands/open-support-case.ts', '@atlas/adapters/postgres'],
    ['tools/template/src/application/commands/open-support-case.ts', '@atlas/contracts'],
    ['tools/template/src/application/commands/open-support-case.ts', '@atlas/ports/adapters'],
    ['tools/template/src/application/commands/open-support-case.ts', './close-support-case'],
    [
      'tools/template/src/adapters/driving/http/support-cases.controller.ts',
      '../../driven/postgres/support-cases.repository',
    ],
    ['tools/template/src/adapters/driving/http/support-cases.controller.ts', '@atlas/ports/adapters'],
    ['tools/template/src/adapters/driving/http/support-cases.controller.ts', 'typeorm'],
    [
      'tools/template/src/adapters/driven/postgres/support-cases.repository.ts',
      '../../driving/http/help-desk.schemas',
    ],
    [
      'tools/template/src/adapters/driven/postgres/support-cases.repository.ts',
      '../../../application/commands/open-support-case',
    ],
    [
      'tools/template/src/application/commands/open-support-case.ts',
      '../../adapters/driven/postgres/support-cases.repository',
    ],
    ['apps/front-desk/src/domain/new-file.ts', '../../../help-desk/src/domain/support-case'],
  ])('refuses that %s imports %s', async (file, module) => {
    expect(await lint(file, `import { x } from '${module}';\nexport const y = x;\n`)).toEqual([
      expect.stringContaining(`'${module}' import is restricted`),
    ]);
  });

  it.each([
    ['tools/template/src/domain/support-case.ts', '@atlas/kernel'],
    ['tools/template/src/domain/support-case.ts', './support-case-events'],
    ['tools/template/src/application/commands/open-support-case.ts', '../../domain/support-case'],
    ['tools/template/src/application/commands/open-support-case.ts', '../ports'],
    ['tools/template/src/application/commands/open-support-case.ts', '@atlas/ports/application'],
    ['tools/template/src/adapters/driven/postgres/support-cases.repository.ts', 'typeorm'],
    ['tools/template/src/adapters/driven/postgres/support-cases.repository.ts', '../../../application/ports'],
    [
      'tools/template/src/adapters/driving/http/support-cases.controller.ts',
      '../../../application/commands/open-support-case',
    ],
  ])('lets %s import %s', async (file, module) => {
    expect(await lint(file, `import { x } from '${module}';\nexport const y = x;\n`)).toEqual([]);
  });
});

describe('The rule about time and chance', () => {
  it.each([
    ['tools/template/src/domain/support-case.ts', 'new Date()'],
    ['tools/template/src/application/commands/open-support-case.ts', 'Date.now()'],
    ['tools/template/src/application/commands/open-support-case.ts', 'Math.random()'],
  ])('refuses that %s calls %s', async (file, code) => {
    expect(await lint(file, `export const y = ${code};\n`)).toHaveLength(1);
  });

  it.each([
    ['tools/template/src/domain/support-case.ts', 'new Date(0)'],
    ['tools/template/src/adapters/driving/http/support-cases.controller.ts', 'new Date()'],
  ])('lets %s call %s', async (file, code) => {
    expect(await lint(file, `export const y = ${code};\n`)).toEqual([]);
  });
});
