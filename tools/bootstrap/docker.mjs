// Run by itself it prints the answer: Nx makes it part of what a cached test result depends on.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** Whether a Docker daemon answers. */
export const hasDocker = () => spawnSync('docker', ['info'], { stdio: 'ignore' }).status === 0;

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  process.stdout.write(hasDocker() ? 'with Docker\n' : 'without Docker\n');
}
