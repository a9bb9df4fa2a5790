export { type KafkaContainer, sharedKafka, startKafka } from './kafka-container';
