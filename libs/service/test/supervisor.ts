import { fork } from 'node:child_process';

/** Runs one service and passes on what it writes, until it is killed. */
const service = fork(process.env['SUPERVISES'] ?? '', { silent: true });
service.stdout?.pipe(process.stdout);
service.stderr?.pipe(process.stderr);
