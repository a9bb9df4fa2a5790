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
  const allUp = replaceSection(file, text, 'all processes', up(names, '1x80'));
  const others = names.filter((name) => name !== 'orders' && name !== 'payments-relay');
  return replaceSection(file, allUp, 'all but orders and payments-relay', up(others, '1x40'));
}

const ours = (declarations: readonly ContextDeclaration[]): readonly string[] =>
  processesOf(declarations)
    .filter(({ kind }) => kind !== 'outside')
    .map(({ name }) => name);
