import { metrics } from '@opentelemetry/api';
import type { Pool } from 'pg';
import type { DataSource } from 'typeorm';

/** Shows the service's connections to its database, by the names of OpenTelemetry's conventions. */
export function measurePool(dataSource: DataSource): void {
  const { master: pool } = dataSource.driver as unknown as { readonly master: Pool };
  const labels = { 'db.client.connection.pool.name': 'service' };
  const meter = metrics.getMeter('atlas.postgres');
  meter
    .createObservableUpDownCounter('db.client.connection.count', {
      unit: '{connection}',
      description: 'Connections to the database, by what they do',
    })
    .addCallback((result) => {
      const { totalCount, idleCount } = pool;
      result.observe(idleCount, { ...labels, 'db.client.connection.state': 'idle' });
      result.observe(totalCount - idleCount, { ...labels, 'db.client.connection.state': 'used' });
    });
  meter
    .createObservableUpDownCounter('db.client.connection.pending_requests', {
      unit: '{request}',
      description: 'Work that waits for a connection to the database',
    })
    .addCallback((result) => result.observe(pool.waitingCount, labels));
  meter
    .createObservableUpDownCounter('db.client.connection.max', {
      unit: '{connection}',
      description: 'The most connections to the database at a time',
    })
    .addCallback((result) => result.observe(pool.options.max, labels));
}
