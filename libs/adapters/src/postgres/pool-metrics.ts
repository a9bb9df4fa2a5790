import { metrics } from '@opentelemetry/api';
import type { Pool } from 'pg';
import type { DataSource } from 'typeorm';

/** Metrics of the database connection pool, named by OpenTelemetry's semantic conventions. */
export function measurePool(dataSource: DataSource): void {
  const { master: pool } = dataSource.driver as unknown as { readonly master: Pool };
  const labels = { 'db.client.connection.pool.name': 'service' };
  const meter = metrics.getMeter('atlas.postgres');
  meter
    .createObservableUpDownCounter('db.client.connection.count', {
      unit: '{connection}',
      description: 'Database connections, by state',
    })
    .addCallback((result) => {
      const { totalCount, idleCount } = pool;
      result.observe(idleCount, { ...labels, 'db.client.connection.state': 'idle' });
      result.observe(totalCount - idleCount, { ...labels, 'db.client.connection.state': 'used' });
    });
  meter
    .createObservableUpDownCounter('db.client.connection.pending_requests', {
      unit: '{request}',
      description: 'Requests waiting for a database connection',
    })
    .addCallback((result) => result.observe(pool.waitingCount, labels));
  meter
    .createObservableUpDownCounter('db.client.connection.max', {
      unit: '{connection}',
      description: 'Maximum number of database connections',
    })
    .addCallback((result) => result.observe(pool.options.max, labels));
}
