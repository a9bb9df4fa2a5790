import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'yaml';
import { DockerStack } from '../src/docker-stack';
import { Home } from '../src/home';
import { projectRoot } from '../src/project-root';
import { atlas } from './command';

describe('The compose project of a data folder', () => {
  const projectOf = (path: string) => new DockerStack(new Home(path)).project;

  it('is that of a plain "docker compose up" for the usual folder', () => {
    const { name } = parse(readFileSync(join(projectRoot(), 'compose.yaml'), 'utf8')) as { name: string };
    expect(projectOf(join(projectRoot(), '.atlas'))).toBe(name);
  });

  it('is its own for any other', () => {
    expect(projectOf('/somewhere')).toMatch(/^[a-z-]+-[0-9a-f]{8}$/);
    expect(projectOf('/somewhere')).toBe(projectOf('/somewhere'));
    expect(projectOf('/somewhere')).not.toBe(projectOf('/elsewhere'));
  });
});

describe('Without Docker', () => {
  const path = process.env['PATH'];
  let home: string;

  beforeAll(async () => {
    process.env['PATH'] = '/nowhere';
    home = await mkdtemp(join(tmpdir(), 'atlas-no-docker-'));
  });
  afterAll(async () => {
    process.env['PATH'] = path;
    await rm(home, { recursive: true });
  });

  it('the command says what to do', async () => {
    const { code, stderr } = await atlas(home, 'up', '--stack', 'docker');

    expect(code).toBe(1);
    expect(stderr).toContain(
      'The docker command was not found: install Docker, or run without "--stack docker"',
    );
  });

  it('nothing runs', async () => {
    expect((await atlas(home, 'status')).stderr).toContain(`No platform is running in ${home}`);
  });
});
