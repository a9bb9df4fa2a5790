import { Client } from 'pg';

/** What pg says of a statement that took longer than `query_timeout`. */
const TIMEOUT = 'Query read timeout';

/**
 * A connection that is cut when a statement gets no answer in its time. pg alone would only give up the statement, and
 * put the connection back: on a server that stands still, or a network that swallows packets, whoever gets it next
 * waits behind a statement that is never answered.
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
