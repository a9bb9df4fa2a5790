export { type KafkaContainer, startKafka } from './kafka-container';
