import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execFileSync } from 'node:child_process';
import { projectRoot } from '@atlas/cli/project-root';

const HOUR_MS = 3_600_000;

/** What a process with the preload prints. */
function printed(program: string, file: string): number[] {
  const args = ['--require', join(projectRoot(), 'tools/jest/run-typescript.cjs')];
  const text = execFileSync(
    process.execPath,
    [...args, '--require', join(__dirname, 'clock.ts'), '-e', program],
    {
      env: { ...process.env, ATLAS_CLOCK_FILE: file },
      encoding: 'utf8',
    },
  );
  return JSON.parse(text) as number[];
}

describe('The clock of a process', () => {
  let folder: string;
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'atlas-clock-'))));
  afterEach(() => rmSync(folder, { recursive: true }));

  it('is right without a file', () => {
    const [now = 0] = printed('console.log(JSON.stringify([Date.now()]))', join(folder, 'none'));
    expect(Math.abs(now - Date.now())).toBeLessThan(60_000);
  });

  it('is off by what the file says, however it is read, and dates stay dates', () => {
    const file = join(folder, 'offset');
    writeFileSync(file, String(HOUR_MS));
    const program = `
      const fixed = new Date('2020-01-01T00:00:00Z');
      const now = [Date.now(), +new Date(), Date.parse(Date())];
      const facts = [fixed instanceof Date, new Date() instanceof Date, fixed.getTime() === Date.UTC(2020, 0, 1)];
      console.log(JSON.stringify([...now, ...facts.map(Number)]));`;
    const all = printed(program, file);
    for (const now of all.slice(0, 3)) expect(Math.abs(now - HOUR_MS - Date.now())).toBeLessThan(60_000);
    expect(all.slice(3)).toEqual([1, 1, 1]);
  });

  it('jumps when the file changes, and timers run on', () => {
    const file = join(folder, 'offset');
    const program = `
      const before = Date.now(), begin = performance.now();
      require('node:fs').writeFileSync(${JSON.stringify(file)}, '${-HOUR_MS}');
      const look = setInterval(() => {
        if (Date.now() > before && performance.now() - begin < 10_000) return;
        clearInterval(look);
        console.log(JSON.stringify([Date.now() - before, performance.now() - begin]));
      }, 20);`;
    const [jump = 0, passed = 0] = printed(program, file);
    expect(jump).toBeLessThan(-HOUR_MS + 60_000);
    expect(passed).toBeGreaterThan(0);
  });
});
