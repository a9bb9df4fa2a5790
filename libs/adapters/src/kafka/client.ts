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

/** How to reach the brokers. */
export type Connection = Pick<KafkaConfig, 'ssl' | 'sasl'> & {
  /** `host:port` of some brokers; the others are found through them. */
  readonly brokers: readonly string[];
  /** The name of this process in the brokers' logs and metrics. */
  readonly clientId: string;
};

/** What kafkajs's brokers can do, too. */
type GroupCoordinator = Broker & {
  leaveGroup(request: { readonly groupId: string; readonly memberId: string }): Promise<unknown>;
};

/**
 * About five seconds in all. It begins with 5 ms, because the broker answers CONCURRENT_TRANSACTIONS for a moment
 * after each commit; and what takes longer is begun anew with another client.
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

// kafkajs sets timers for "not throttled", which it computes to a time long ago; Node 24 would warn of each process that
// does so.
const emitWarning = process.emitWarning.bind(process) as (...args: unknown[]) => void;
process.emitWarning = (...args: unknown[]) => {
  if (args[1] !== 'TimeoutNegativeWarning') emitWarning(...args);
};

/**
 * A kafkajs client that can be thrown away at any moment, with whatever hangs on its connections. kafkajs doesn't
 * survive every loss of a broker, so nothing here mends a client: whatever fails is begun anew with another one.
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
      // A copy: kafkajs keeps what it makes of the credentials in the object, and would use it for the next ones too.
      ...(sasl && { sasl: { ...sasl } }),
      retry: RETRY,
      connectionTimeout: CONNECTION_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      // It logs as errors what it goes on to mend. What it doesn't is told by those who use it.
      logLevel: logLevel.NOTHING,
      socketFactory: (target) => this.openSocket(target),
    });
  }

  /**
   * The cluster as kafkajs sees it, not connected yet: the public way to requests that its consumer and admin don't
   * offer, such as reading without a group. Its offsets end where those of committed records do, or, if
   * `readUncommitted`, where the log does.
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

  /** Cuts every connection, at once and for good. */
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
