import { Node, type SourceFile, SyntaxKind } from 'ts-morph';
import { ROOMS, type Room, type Size, SUITE_KINDS, type SuiteKind, type Tests } from './model';
import type { Workspace } from './workspace';

const linesOf = (workspace: Workspace, path: string): number =>
  (workspace.text(path) ?? '').split('\n').length - 1;

export function readSize(workspace: Workspace, folder: string): Size {
  const rooms = Object.fromEntries(ROOMS.map((room) => [room, 0])) as Record<Room, number>;
  for (const path of workspace.list(`${folder}/src`)) {
    if (!path.endsWith('.spec.ts'))
      rooms[roomOf(path.slice(`${folder}/src/`.length))] += linesOf(workspace, path);
  }
  return { rooms, total: Object.values(rooms).reduce((sum, lines) => sum + lines, 0) };
}

function roomOf(path: string): Room {
  const [, room] = /^(?:adapters\/)?(domain|application|driving|driven)\//.exec(path) ?? [];
  return (room as Room | undefined) ?? 'root';
}

export function readTests(workspace: Workspace, folder: string): Tests {
  const kinds = Object.fromEntries(SUITE_KINDS.map((kind) => [kind, { suites: 0, cases: 0 }])) as Record<
    SuiteKind,
    { suites: number; cases: number }
  >;
  const paths = [
    ...workspace.list(`${folder}/src`).filter((path) => path.endsWith('.spec.ts')),
    ...workspace.list(`${folder}/test`),
  ];
  for (const path of paths) {
    const kind = kindOf(path.slice(folder.length + 1));
    const file = kind && workspace.file(path);
    if (!file) continue;
    kinds[kind].suites += 1;
    kinds[kind].cases += casesOf(file);
  }
  return { kinds, lines: paths.reduce((sum, path) => sum + linesOf(workspace, path), 0) };
}

/** Undefined: a file that helps the suites. */
function kindOf(path: string): SuiteKind | undefined {
  if (path.endsWith('.contract.ts')) return 'contract';
  if (path.endsWith('.docker.spec.ts')) return 'docker';
  if (path.endsWith('.spec.ts')) return path.startsWith('test/') ? 'context' : 'unit';
  return undefined;
}

/** How many test cases a file has, as they are written. */
export function casesOf(file: SourceFile): number {
  return file.getDescendantsOfKind(SyntaxKind.CallExpression).filter((call) => {
    const callee = call.getExpression();
    // it(…), and it.each(…)(…), whose callee is a call itself.
    return /^(?:it|test)(?:\.\w+)?$/.test(callee.getText())
      ? !callee.getText().endsWith('.each')
      : Node.isCallExpression(callee) && /^(?:it|test)\.each$/.test(callee.getExpression().getText());
  }).length;
}
