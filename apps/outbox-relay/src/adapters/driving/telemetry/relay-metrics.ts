import { metrics } from '@opentelemetry/api';
import { sampled } from '@atlas/service';
import type { GetRelayStatus, RelayStatus } from '../../../application/queries/get-relay-status';
import type { ListConsumerLags } from '../../../application/queries/list-consumer-lags';

/** Counting the backlog and reading offsets costs the database and the brokers work. */
const STATUS_EVERY_MS = 5_000;
const LAG_EVERY_MS = 15_000;

/**
 * Exposes what the relay does, and how far each consumer group is behind its topic: one owner asks for all consumers,
 * and keeps reporting when none of them is running.
 * @param topic the topic that the relay publishes to.
 */
export function measureRelay(getStatus: GetRelayStatus, listLags: ListConsumerLags, topic: string): void {
  const status = sampled(STATUS_EVERY_MS, () => getStatus.execute());
  measureStatus(status);
  const lags = sampled(LAG_EVERY_MS, () => listLags.execute());
  metrics
    .getMeter('atlas.relay')
    .createObservableGauge('atlas.consumer.lag', {
      unit: '{record}',
      description:
        'Records that a group has not committed yet, reported by the owner of the outbox they come from',
    })
    .addCallback(async (result) => {
      if ((await status())?.role !== 'owner') return;
      for (const { group, partition, records } of (await lags()) ?? []) {
        result.observe(records, { group, topic, partition });
      }
    });
}

function measureStatus(statusNow: () => Promise<RelayStatus | undefined>): void {
  const meter = metrics.getMeter('atlas.relay');
  const owner = meter.createObservableGauge('atlas.relay.owner', {
    description: '1 if this process publishes, 0 if it stands by',
  });
  const halted = meter.createObservableGauge('atlas.relay.halted', {
    description: '1 if it publishes nothing because its database was replaced, until an operator adopts it',
  });
  const waiting = meter.createObservableGauge('atlas.relay.waiting', {
    unit: '{row}',
    description: 'Committed rows that are not published yet, estimated above 100,000; omitted while unknown',
  });
  const oldest = meter.createObservableGauge('atlas.relay.oldest.age', {
    unit: 's',
    description: 'Age of the oldest of them',
  });
  const published = meter.createObservableCounter('atlas.relay.published', {
    unit: '{event}',
    description: 'Events on the log since the process started',
  });
  const transactions = meter.createObservableCounter('atlas.relay.transactions', {
    unit: '{transaction}',
    description: 'Transactions on the log since the process started',
  });
  const failures = meter.createObservableCounter('atlas.relay.failures', {
    unit: '{failure}',
    description: 'Failures of the database or the log since the process started',
  });
  meter.addBatchObservableCallback(
    async (result) => {
      const status = await statusNow();
      if (!status) return;
      const attributes = { outbox: status.service };
      result.observe(owner, status.role === 'owner' ? 1 : 0, attributes);
      result.observe(halted, status.isHalted ? 1 : 0, attributes);
      result.observe(published, status.published, attributes);
      result.observe(transactions, status.transactions, attributes);
      result.observe(failures, status.failures, attributes);
      if (!status.backlog) return;
      result.observe(waiting, status.backlog.rows, attributes);
      result.observe(oldest, status.backlog.oldestAgeMs / 1_000, attributes);
    },
    [owner, halted, waiting, oldest, published, transactions, failures],
  );
}
