import { Client } from 'pg';

/** pg's error message for a statement that exceeded `query_timeout`. */
const TIMEOUT = 'Query read timeout';

/**
 * A client that closes its connection when a statement times out. pg alone would return the connection to the pool: if
 * the server hangs or the network drops packets, its next user would wait behind a statement that never completes.
 */
export class QueryTimeoutClient extends Client {
  override query = ((...args: Parameters<Client['query']>) => {
    const answer: unknown = super.query(...args);
    if (answer instanceof Promise) {
      answer.catch((error: unknown) => {
        if (error instanceof Error && error.message === TIMEOUT) this.cut(error);
      });
    }
    return answer;
  }) as Client['query'];

  private cut(reason: Error): void {
    const { connection } = this as unknown as { connection: { stream: { destroy(reason: Error): void } } };
    connection.stream.destroy(reason);
  }
}
