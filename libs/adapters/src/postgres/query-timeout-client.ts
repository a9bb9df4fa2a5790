import { Client } from 'pg';

/** pg's error message for a statement that exceeded `query_timeout`. */
const TIMEOUT = 'Query read timeout';

/**
 * A client that closes its connection when a statement times out. pg alone would return the connection to the pool: if
 * the server hangs or the network drops packets, its next user would wait behind a statement that never completes.
 *
 * Its COMMIT fails if the server rolls back instead, which it does without an error after a failed statement whose error
 * somebody caught.
 */
export class QueryTimeoutClient extends Client {
  override query = ((...args: Parameters<Client['query']>) => {
    const answer: unknown = super.query(...args);
    if (!(answer instanceof Promise)) return answer;
    answer.catch((error: unknown) => {
      if (error instanceof Error && error.message === TIMEOUT) this.cut(error);
    });
    return (args[0] as unknown) === 'COMMIT' ? answer.then(requireCommit) : answer;
  }) as Client['query'];

  /** Closes the connection: statements in progress fail, and the server rolls back. */
  cut(reason: Error): void {
    const { connection } = this as unknown as { connection: { stream: { destroy(reason: Error): void } } };
    connection.stream.destroy(reason);
  }
}

function requireCommit(answer: unknown): unknown {
  if ((answer as { command?: string } | undefined)?.command !== 'ROLLBACK') return answer;
  throw new Error(
    'Nothing was committed: a statement of the transaction had failed, although its error was caught',
  );
}
