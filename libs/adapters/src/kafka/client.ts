import { isIP, type Socket, connect as connectTcp } from 'node:net';
import { connect as connectTls, type ConnectionOptions } from 'node:tls';
import {
  type Assigner,
  type Broker,
  type Cluster,
  Kafka,
  type KafkaConfig,
  logLevel,
  PartitionAssigners,
  type RetryOptions,
} from 'kafkajs';
import './kafkajs-patches';
import { skipAborted } from './read-committed';
import { learnTopicIds } from './topic-ids';

learnTopicIds();

/** How to reach the brokers. */
export type Connection = Pick<KafkaConfig, 'ssl' | 'sasl'> & {
  /** `host:port` of some brokers; the client finds the others through them. */
  readonly brokers: readonly string[];
  /** The name of this process in the brokers' logs and metrics. */
  readonly clientId: string;
};

/** Broker requests of kafkajs that its types omit. */
type GroupCoordinator = Broker & {
  leaveGroup(request: { readonly groupId: string; readonly memberId: string }): Promise<unknown>;
};

/**
 * About five seconds in all. The first wait is 5 ms, because the broker answers CONCURRENT_TRANSACTIONS for a moment
 * after each commit. Longer failures are handled by starting again with a new client.
 */
const RETRY: RetryOptions = {
  initialRetryTime: 5,
  multiplier: 2,
  factor: 0.2,
  maxRetryTime: 1_000,
  retries: 12,
};
const CONNECTION_TIMEOUT_MS = 2_000;
const REQUEST_TIMEOUT_MS = 15_000;
const KEEP_ALIVE_MS = 60_000;

// For "not throttled", kafkajs sets timers with a negative delay; Node 24 would print a warning in each process.
const emitWarning = process.emitWarning.bind(process) as (...args: unknown[]) => void;
process.emitWarning = (...args: unknown[]) => {
  if (args[1] !== 'TimeoutNegativeWarning') emitWarning(...args);
};

/**
 * A kafkajs client that can be destroyed at any moment, with all its connections. kafkajs doesn't survive every loss
 * of a broker, so nothing here repairs a client: after a failure the caller starts again with a new one.
 */
export class KafkaClient {
  readonly kafka: Kafka;
  private readonly sockets = new Set<Socket>();
  private destroyed = false;

  constructor({ brokers, clientId, ssl, sasl }: Connection) {
    this.kafka = new Kafka({
      brokers: [...brokers],
      clientId,
      ...(ssl !== undefined && { ssl }),
      // A copy: kafkajs caches derived credentials in this object, and would reuse them for the next ones.
      ...(sasl && { sasl: { ...sasl } }),
      retry: RETRY,
      connectionTimeout: CONNECTION_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      // kafkajs logs errors that it then recovers from. Its callers report the others.
      logLevel: logLevel.NOTHING,
      socketFactory: (target) => this.openSocket(target),
    });
  }

  /**
   * The kafkajs cluster, not connected yet: the public way to requests that its consumer and admin don't offer, such
   * as reading without a group. Its end offsets are those of committed records, or of all if `readUncommitted`.
   */
  cluster(readUncommitted = false): Cluster {
    let cluster: Cluster | undefined;
    const capture = (config: { cluster: Cluster }): Assigner => {
      cluster = config.cluster;
      return PartitionAssigners.roundRobin(config as Parameters<typeof PartitionAssigners.roundRobin>[0]);
    };
    // A consumer that never runs: its assigner is given the cluster when it is made.
    this.kafka.consumer({
      groupId: 'none',
      readUncommitted,
      allowAutoTopicCreation: false,
      partitionAssigners: [capture],
    });
    if (!cluster) throw new Error('kafkajs gave its assigner no cluster');
    return readUncommitted ? cluster : skipAborted(cluster);
  }

  /** The broker that keeps this group's members and offsets. */
  async groupCoordinator(groupId: string): Promise<GroupCoordinator> {
    const cluster = this.cluster();
    await cluster.connect();
    await cluster.refreshMetadata();
    return (await cluster.findGroupCoordinator({ groupId })) as GroupCoordinator;
  }

  /** Closes every connection at once; the client can't be used again. */
  destroy(): void {
    this.destroyed = true;
    for (const socket of this.sockets) socket.destroy(new Error('The client is closed'));
  }

  private openSocket(target: {
    host: string;
    port: number;
    ssl: ConnectionOptions | undefined;
    onConnect: () => void;
  }): Socket {
    const { host, port, ssl, onConnect } = target;
    if (this.destroyed) throw new Error('The client is closed');
    const socket = ssl
      ? connectTls({ host, port, ...(isIP(host) ? {} : { servername: host }), ...ssl }, onConnect)
      : connectTcp({ host, port }, onConnect);
    socket.setKeepAlive(true, KEEP_ALIVE_MS);
    socket.setNoDelay(true);
    this.sockets.add(socket);
    socket.on('close', () => this.sockets.delete(socket));
    return socket;
  }
}
