import { join } from 'node:path';
import { RULES } from './rules';
import { Workspace } from './workspace';

const workspace = Workspace.read(join(__dirname, '../../..'));

describe('The architecture', () => {
  it.each(RULES.map((rule) => [rule.name, rule] as const))('%s', (_, rule) => {
    expect(rule.check(workspace)).toEqual([]);
  });
});
