import { eventually, freePort, sharedContainer } from '@atlas/testing';
import { GenericContainer, getContainerRuntimeClient, Wait } from 'testcontainers';
import { KafkaClient } from '../client';

/** A single KRaft broker, from the image that `docker compose` uses. */
export interface KafkaContainer {
  readonly id: string;
  readonly brokers: readonly string[];
  /** Suspends it with its connections open; `unpause` resumes it. */
  pause(): Promise<void>;
  unpause(): Promise<void>;
  /** Stops it. Its records stay; `start` restarts it under the same address, however it ended. */
  stop(): Promise<void>;
  /** Kills it, whatever it is doing. */
  kill(): Promise<void>;
  start(): Promise<void>;
  remove(): Promise<void>;
}

export interface Credentials {
  readonly username: string;
  readonly password: string;
}

/** Listeners besides the one for clients. */
interface InnerPorts {
  readonly controller: number;
  readonly internal: number;
}

const INNER_PORTS: InnerPorts = { controller: 9093, internal: 9095 };
const START_TIMEOUT_MS = 150_000;
const KEYSTORE = '/tmp/broker.p12';
const KEYSTORE_PASSWORD = 'atlas-test';

/**
 * @param onHost use the host's network (Linux only), which bypasses Docker's proxy, whose CPU usage would distort
 * benchmarks.
 */
export async function startKafka({ onHost = false } = {}): Promise<KafkaContainer> {
  // The same fixed port inside and outside, because the broker advertises it, and keeps it after a restart.
  const port = await freePort();
  const brokers = [`localhost:${port}`];
  const container = await (
    onHost
      ? broker(port, 'PLAINTEXT', {
          controller: await freePort(),
          internal: await freePort(),
        }).withNetworkMode('host')
      : broker(port, 'PLAINTEXT').withExposedPorts({ container: port, host: port })
  ).start();
  const docker = (await getContainerRuntimeClient()).container.getById(container.getId());
  return {
    id: container.getId(),
    brokers,
    // Docker gives up on a container that forks while it is being frozen.
    pause: async () =>
      void (await eventually(async () => {
        if (!(await docker.inspect()).State.Paused) await docker.pause();
        return true;
      })),
    unpause: async () => void (await docker.unpause()),
    stop: async () => void (await docker.stop({ t: 20 })),
    kill: async () => {
      await docker.kill({ signal: 'SIGKILL' });
      await docker.wait();
    },
    start: async () => {
      if (!(await docker.inspect()).State.Running) await docker.start();
      await eventually(() => answers(brokers), START_TIMEOUT_MS);
    },
    remove: async () => void (await container.stop({ timeout: 0 })),
  };
}

/**
 * The brokers of one Kafka for all suites that don't stop it; each suite uses a prefix of its own.
 * @returns their addresses.
 */
export async function sharedKafka(): Promise<readonly string[]> {
  const { brokers } = await sharedContainer('kafka', async () => {
    const { id, brokers: started } = await startKafka();
    return { id, brokers: started };
  });
  return brokers;
}

/** A client that may only do what ACLs allow it. */
export interface User extends Credentials {
  /** Arguments of `kafka-acls.sh`, one command each. */
  readonly acls: readonly string[];
}

/**
 * A broker that requires TLS and a password, and whose authorizer allows only what ACLs do. `ca` is the certificate that
 * its clients should trust.
 * @param superuser may do everything.
 */
export async function startSecuredKafka(superuser: Credentials, users: readonly User[] = []) {
  const port = await freePort();
  const keytool = `keytool -keystore ${KEYSTORE} -storepass ${KEYSTORE_PASSWORD} -alias broker`;
  const container = await broker(port, 'SASL_SSL')
    .withExposedPorts({ container: port, host: port })
    .withEnvironment({
      KAFKA_SASL_ENABLED_MECHANISMS: 'PLAIN',
      KAFKA_LISTENER_NAME_CLIENT_PLAIN_SASL_JAAS_CONFIG: [
        'org.apache.kafka.common.security.plain.PlainLoginModule required',
        ...[superuser, ...users].map(({ username, password }) => `user_${username}="${password}"`),
      ]
        .join(' ')
        .concat(';'),
      KAFKA_AUTHORIZER_CLASS_NAME: 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
      // The broker itself is anonymous on its inner listeners.
      KAFKA_SUPER_USERS: `User:ANONYMOUS;User:${superuser.username}`,
      KAFKA_LISTENER_NAME_CLIENT_SSL_KEYSTORE_LOCATION: KEYSTORE,
      KAFKA_LISTENER_NAME_CLIENT_SSL_KEYSTORE_PASSWORD: KEYSTORE_PASSWORD,
      KAFKA_LISTENER_NAME_CLIENT_SSL_KEYSTORE_TYPE: 'PKCS12',
    })
    .withCommand([
      'sh',
      '-c',
      `${keytool} -genkeypair -keyalg RSA -dname CN=localhost -ext SAN=dns:localhost && exec /etc/kafka/docker/run`,
    ])
    .start();
  const { stdout: ca } = await container.exec(`${keytool} -exportcert -rfc`.split(' '));
  // What kafka-acls.sh runs since Kafka 4.1; not every image has a script that knows.
  const tool = `/opt/kafka/bin/kafka-run-class.sh org.apache.kafka.tools.AclCommand --bootstrap-server localhost:${INNER_PORTS.internal}`;
  const script = ['set -e', ...users.flatMap(({ acls }) => acls.map((acl) => `${tool} ${acl}`))].join('\n');
  const { exitCode, output } = await container.exec(['sh', '-c', script]);
  if (exitCode !== 0) throw new Error(`The ACLs were refused: ${output}`);
  return {
    brokers: [`localhost:${port}`],
    ca,
    remove: async () => void (await container.stop({ timeout: 0 })),
  };
}

const broker = (port: number, protocol: string, { controller, internal } = INNER_PORTS) =>
  new GenericContainer('apache/kafka:4.1.0')
    .withEnvironment({
      KAFKA_NODE_ID: '1',
      KAFKA_PROCESS_ROLES: 'broker,controller',
      KAFKA_LISTENERS: `CLIENT://:${port},INTERNAL://:${internal},CONTROLLER://:${controller}`,
      KAFKA_ADVERTISED_LISTENERS: `CLIENT://localhost:${port},INTERNAL://localhost:${internal}`,
      KAFKA_LISTENER_SECURITY_PROTOCOL_MAP: `CLIENT:${protocol},INTERNAL:PLAINTEXT,CONTROLLER:PLAINTEXT`,
      KAFKA_INTER_BROKER_LISTENER_NAME: 'INTERNAL',
      KAFKA_CONTROLLER_LISTENER_NAMES: 'CONTROLLER',
      KAFKA_CONTROLLER_QUORUM_VOTERS: `1@localhost:${controller}`,
      KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR: '1',
      KAFKA_OFFSETS_TOPIC_NUM_PARTITIONS: '1',
      KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR: '1',
      KAFKA_TRANSACTION_STATE_LOG_MIN_ISR: '1',
      KAFKA_TRANSACTION_STATE_LOG_NUM_PARTITIONS: '1',
      // Groups start at once, without three seconds for more members to join.
      KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS: '0',
    })
    .withWaitStrategy(Wait.forLogMessage(/Kafka Server started/))
    .withStartupTimeout(START_TIMEOUT_MS);

async function answers(brokers: readonly string[]): Promise<true> {
  const client = new KafkaClient({ brokers, clientId: 'test' });
  try {
    await client.cluster().connect();
    return true;
  } finally {
    client.destroy();
  }
}
