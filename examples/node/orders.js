// Orders in, invoices out: a producer and a consumer group, with nothing but a Kafka client.
//
//     npm install kafkajs
//     node orders.js

const { Kafka } = require("kafkajs");

const kafka = new Kafka({ clientId: "orders", brokers: ["127.0.0.1:9092"] });
const topic = "orders-example-node";
const orders = [
  { key: "ann", value: "one book" },
  { key: "bob", value: "two lamps" },
  { key: "cleo", value: "a desk" },
];

async function main() {
  const producer = kafka.producer();
  await producer.connect();
  await producer.send({ topic, messages: orders }); // acknowledged: it survives a power cut
  await producer.disconnect();

  const consumer = kafka.consumer({ groupId: "invoices-node" });
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  let left = orders.length;
  await new Promise((done) =>
    consumer.run({
      eachMessage: async ({ message }) => {
        console.log(`invoice for ${message.key}: ${message.value}`);
        if (--left === 0) done();
      },
    }),
  );
  await consumer.disconnect();
}

main();
