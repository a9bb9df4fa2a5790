import { type ClientConfig, DatabaseError, Pool, type PoolClient, TypeOverrides, types } from 'pg';

export type Query = <Row>(sql: string, values?: readonly unknown[]) => Promise<Row[]>;

// Offsets stay below 2^53 for longer than anyone will run this.
const typeParsers = new TypeOverrides();
typeParsers.setTypeParser(types.builtins.INT8, Number);

/** How every connection to the log is made. */
export function connectionConfig(url: string): ClientConfig {
  return {
    connectionString: url,
    application_name: 'event-log',
    connectionTimeoutMillis: 10_000,
    keepAlive: true,
    // A process that is stopped in the middle of a transaction must not keep its locks.
    idle_in_transaction_session_timeout: 10_000,
    // Every query goes by a key. A plan cached while a table was small must not scan it when it has grown.
    options: '-c enable_seqscan=off -c enable_bitmapscan=off -c jit=off',
    types: typeParsers,
  };
}

/** The log's database: a small pool, whose connections come and go with the server without any process noticing. */
export class LogDatabase {
  private readonly pool: Pool;

  /** @param report told of connections that broke while nobody used them. */
  constructor(url: string, poolSize: number, report: (error: unknown) => void) {
    this.pool = new Pool({ ...connectionConfig(url), max: poolSize });
    this.pool.on('error', (error) => {
      if (!this.pool.ending) report(error);
    });
    // A connection that breaks while it is checked out tells its user by failing the query; the event, which the
    // pool only hears of idle ones, would end the process.
    this.pool.on('connect', (client) => client.on('error', () => undefined));
  }

  /** @param name given to a statement that runs often, so that each connection parses it once. */
  async query<Row>(sql: string, values: readonly unknown[] = [], name?: string): Promise<Row[]> {
    const { rows } = await this.pool.query<Row & object>({
      text: sql,
      values: [...values],
      ...(name && { name }),
    });
    return rows;
  }

  async transaction<T>(work: (query: Query) => Promise<T>): Promise<T> {
    const client = await this.pool.connect();
    try {
      await client.query('BEGIN');
      const result = await work(queryOn(client));
      await client.query('COMMIT');
      client.release();
      return result;
    } catch (error) {
      await client.query('ROLLBACK').then(
        () => client.release(),
        (broken: Error) => client.release(broken),
      );
      throw error;
    }
  }

  close(): Promise<void> {
    return this.pool.end();
  }
}

const queryOn =
  (client: PoolClient): Query =>
  async <Row>(sql: string, values?: readonly unknown[]) => {
    // Without values the simple protocol is used, which takes several statements at once.
    const { rows } = await (values ? client.query(sql, [...values]) : client.query(sql));
    return rows as Row[];
  };

/**
 * True if the server answered that it did not do it. Otherwise the connection broke, and what was asked for may
 * have been done or not.
 */
export const isRefusal = (error: unknown): boolean =>
  error instanceof DatabaseError && error.severity === 'ERROR';

/** cannot_connect_now, admin and crash shutdown, too_many_connections, connection exceptions. */
const AWAY = /^(57P0[123]|53300|08...)$/;

/** True if the server could not be reached, or was on its way up or down. */
export const isAway = (error: unknown): boolean =>
  error instanceof DatabaseError ? AWAY.test(error.code ?? '') : !(error instanceof NewerSchemaError);

export class NewerSchemaError extends Error {
  override readonly name = 'NewerSchemaError';
}
