import { declareValuePlugin, PluginKind } from '@stryker-mutator/api/plugin';

const LOGGER = /^(?:log|warn|error|debug|verbose|fatal|say|info|trace)$/;
const METRIC = /^create(?:Observable)?(?:Counter|UpDownCounter|Gauge|Histogram)$/;

const calleeName = ({ callee }) => callee.property?.name ?? callee.name;

/** Why the mutants of a node would say nothing about behaviour; undefined: they would. */
function reasonToIgnore({ node, parent }) {
  const isText = node.type === 'StringLiteral' || node.type === 'TemplateLiteral';
  if (isText && parent?.type === 'NewExpression' && /(?:Error|Problem)$/.test(parent.callee.name ?? '')) {
    return "An error's wording is no behaviour.";
  }
  if (parent?.type === 'CallExpression' && parent.arguments.includes(node)) {
    if (LOGGER.test(calleeName(parent) ?? '') && isText) return "A log line's wording is no behaviour.";
    if (METRIC.test(calleeName(parent) ?? '')) return "A metric's name and description are no behaviour.";
  }
  return undefined;
}

export const strykerPlugins = [
  declareValuePlugin(PluginKind.Ignore, 'texts', { shouldIgnore: reasonToIgnore }),
];
