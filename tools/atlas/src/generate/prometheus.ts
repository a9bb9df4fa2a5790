import { type ContextDeclaration, processesOf } from '@atlas/context';
import { replaceSection } from './sections';

/** prometheus.yml with every process as a target. */
export const prometheusTargets = (text: string, declarations: readonly ContextDeclaration[]): string =>
  replaceSection(
    'deploy/prometheus/prometheus.yml',
    text,
    'targets',
    processesOf(declarations).map(({ name }) => `- ${name}`),
  );

/** rules.yml with an alert for each process of ours that is missing altogether. */
export function prometheusRules(text: string, declarations: readonly ContextDeclaration[]): string {
  const absent = ours(declarations).map((name) => `absent(up{job="${name}"})`);
  return replaceSection('deploy/prometheus/rules.yml', text, 'missing processes', [
    'expr: |',
    ...absent.map((one, n) => `  ${one}${n < absent.length - 1 ? ' or' : ''}`),
  ]);
}

/** rules.test.yml with what Prometheus sees of each process. */
export function prometheusRuleTests(text: string, declarations: readonly ContextDeclaration[]): string {
  const file = 'deploy/prometheus/rules.test.yml';
  const up = (names: readonly string[], values: string) =>
    names.flatMap((name) => [`- series: 'up{job="${name}", instance="1"}'`, `  values: ${values}`]);
  const names = ours(declarations);
  const last = names.at(-1) ?? '';
  const missing = [
    `- exp_labels: { severity: page, job: ${last} }`,
    '  exp_annotations:',
    `    summary: No replica of ${last} exists`,
    '    description: Prometheus finds no replica of it. Start one.',
  ];
  return Object.entries({
    'all processes': up(names, '1x80'),
    'all but the last': up(names.slice(0, -1), '1x40'),
    'the last is missing': missing,
  }).reduce((sum, [section, lines]) => replaceSection(file, sum, section, lines), text);
}

const ours = (declarations: readonly ContextDeclaration[]): readonly string[] =>
  processesOf(declarations)
    .filter(({ kind }) => kind !== 'outside')
    .map(({ name }) => name);
