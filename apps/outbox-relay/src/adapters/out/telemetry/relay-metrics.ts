import { metrics } from '@opentelemetry/api';
import { sampled } from '@atlas/service';
import type { RelayOutbox } from '../../../application/relay-outbox';

/** Counting what waits is a query: however many scrape, it is asked for no more often. */
const ASK_EVERY_MS = 5_000;

/** Shows what the relay does as metrics, read from its status. */
export function measureRelay(relay: RelayOutbox): void {
  const meter = metrics.getMeter('atlas.relay');
  const statusNow = sampled(ASK_EVERY_MS, () => relay.status());
  const owner = meter.createObservableGauge('atlas.relay.owner', {
    description: '1 if this process publishes, 0 if it stands by',
  });
  const waiting = meter.createObservableGauge('atlas.relay.waiting', {
    unit: '{row}',
    description: 'Committed rows that are not published yet; left out while nobody can tell',
  });
  const oldest = meter.createObservableGauge('atlas.relay.oldest.age', {
    unit: 's',
    description: 'Age of the oldest of them',
  });
  const published = meter.createObservableCounter('atlas.relay.published', {
    unit: '{event}',
    description: 'Events on the log, since this process began',
  });
  const transactions = meter.createObservableCounter('atlas.relay.transactions', {
    unit: '{transaction}',
    description: 'Transactions on the log, since this process began',
  });
  const failures = meter.createObservableCounter('atlas.relay.failures', {
    unit: '{failure}',
    description: 'Times that the database or the log failed it, since this process began',
  });
  meter.addBatchObservableCallback(
    async (result) => {
      const status = await statusNow();
      if (!status) return;
      const attributes = { service: status.service };
      result.observe(owner, status.role === 'owner' ? 1 : 0, attributes);
      result.observe(published, status.published, attributes);
      result.observe(transactions, status.transactions, attributes);
      result.observe(failures, status.failures, attributes);
      if (!status.backlog) return;
      result.observe(waiting, status.backlog.rows, attributes);
      result.observe(oldest, status.backlog.oldestAgeMs / 1_000, attributes);
    },
    [owner, waiting, oldest, published, transactions, failures],
  );
}
