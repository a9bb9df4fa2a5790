import type { Broker, Cluster } from 'kafkajs';

/** Calls `change` once with each broker of the cluster, before its first use. @returns the cluster. */
export function eachBroker(cluster: Cluster, change: (broker: Broker) => void): Cluster {
  const findBroker = cluster.findBroker.bind(cluster);
  const known = new WeakSet<Broker>();
  cluster.findBroker = async (node) => {
    const broker = await findBroker(node);
    if (!known.has(broker)) {
      known.add(broker);
      change(broker);
    }
    return broker;
  };
  return cluster;
}
