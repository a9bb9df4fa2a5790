// Grants the users of Kafka what a file says, as the user "kafka", who may do everything: `process.mjs permissions FILE`. The
// file has objects { user, resource, name, operations }. What is granted already stays as it is.
//
// BROKER is the address of a broker, KAFKA_PASSWORD that user's password. Waits until Kafka answers.
import { readFileSync } from 'node:fs';
import kafkajs from 'kafkajs';

const {
  AclOperationTypes: operationTypes,
  AclPermissionTypes,
  AclResourceTypes: resourceTypes,
  Kafka,
  ResourcePatternTypes,
  logLevel,
} = kafkajs;

/** `transactional id` and `DescribeConfigs` are constants of kafkajs in capitals, with underscores. */
const constant = (text) => text.replace(/(?<=[a-z])(?=[A-Z])| /g, '_').toUpperCase();

const granted = JSON.parse(readFileSync(process.argv[3], 'utf8'));
const acl = granted.flatMap(({ user, resource, name, operations }) =>
  operations.map((operation) => ({
    principal: `User:${user}`,
    host: '*',
    resourceType: resourceTypes[constant(resource)],
    resourceName: name,
    resourcePatternType: ResourcePatternTypes.LITERAL,
    operation: operationTypes[constant(operation)],
    permissionType: AclPermissionTypes.ALLOW,
  })),
);

const admin = new Kafka({
  brokers: [process.env.BROKER],
  clientId: 'permissions',
  sasl: { mechanism: 'plain', username: 'kafka', password: process.env.KAFKA_PASSWORD },
  logLevel: logLevel.NOTHING,
  retry: { initialRetryTime: 500, maxRetryTime: 2_000, retries: 90 },
}).admin();

try {
  await admin.connect();
  await admin.createAcls({ acl });
  process.stdout.write(`${acl.length} permissions are granted\n`);
} catch (error) {
  process.stderr.write(`The permissions can't be granted: ${error.message}\n`);
  process.exitCode = 1;
} finally {
  await admin.disconnect();
}
