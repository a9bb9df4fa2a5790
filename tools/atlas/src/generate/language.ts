import type { ContextDeclaration } from '@atlas/context';

/** The published language: the contracts of every context that publishes events. */
export const languageFile = (_: string, declarations: readonly ContextDeclaration[]): string =>
  [
    '// Generated from apps/*/context.json by "npm run generate": a module for each context that publishes events.',
    ...declarations
      .filter(({ topics }) => topics.publishes !== undefined)
      .map(({ name }) => `export * from './${name}';`),
    '',
  ].join('\n');
