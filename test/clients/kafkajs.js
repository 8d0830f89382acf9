/* kafkajs: ADDRESS → results. */
const { Kafka, logLevel, CompressionTypes, ConfigResourceTypes } = require('kafkajs')
const told = JSON.parse(process.env.SECURITY || '{}')
const security = told['security.protocol'] ? {
  ssl: { ca: [require('fs').readFileSync(told['ssl.ca.location'], 'utf8')] },
  sasl: { mechanism: told['sasl.mechanism'].toLowerCase(), username: told['sasl.username'], password: told['sasl.password'] },
} : {}
const kafka = new Kafka({ clientId: 'js', brokers: [process.argv[2]], logLevel: logLevel.NOTHING, ...security })

const errorOf = async (call) => {
  try { await call(); return null } catch (error) { return error.type || (error.errors && error.errors[0].type) || error.name }
}

const topics = async (admin) => [
  await admin.createTopics({ topics: [{ topic: 'js', numPartitions: 3, configEntries: [{ name: 'retention.ms', value: '-1' }] }] }),
  await admin.createTopics({ topics: [{ topic: 'js' }] }),
  await admin.createPartitions({ topicPartitions: [{ topic: 'js', count: 4 }] }),
  await errorOf(() => admin.createPartitions({ topicPartitions: [{ topic: 'js', count: 2 }] })),
  (await admin.fetchTopicMetadata({ topics: ['js'] })).topics[0].partitions.length,
  await admin.createTopics({ topics: [{ topic: 'js-gone' }], waitForLeaders: true }),
  await errorOf(() => admin.deleteTopics({ topics: ['js-gone'] })),
  (await admin.listTopics()).includes('js'),
]

const read = async (topic, count, level) => {
  const consumer = kafka.consumer({ groupId: `js-${topic}-${level}`, readUncommitted: level === 'uncommitted', sessionTimeout: 6000 })
  await consumer.connect()
  await consumer.subscribe({ topics: [topic], fromBeginning: true })
  const got = []
  await new Promise((resolve) => {
    consumer.run({ eachMessage: async ({ partition, message }) => {
      got.push(`${partition} ${message.offset} ${message.key} ${message.value} ${Object.keys(message.headers)}`)
      if (got.length === count) resolve()
    } })
    setTimeout(resolve, 20000)
  })
  await consumer.disconnect()
  return got.sort()
}

const produce = async () => {
  const producer = kafka.producer({ idempotent: true })
  await producer.connect()
  for (const compression of [CompressionTypes.None, CompressionTypes.GZIP])
    await producer.send({ topic: 'js', compression, messages: [...Array(20).keys()].map(i => ({
      key: `k${i}`, value: `v${i}`, partition: i % 4, headers: i % 2 ? { h: `${i}` } : {} })) })
  await producer.disconnect()
  return read('js', 40, 'committed')
}

const transactions = async (admin) => {
  await admin.createTopics({ topics: [{ topic: 'js-tx' }], waitForLeaders: true })
  const producer = kafka.producer({ transactionalId: 'js-tx', maxInFlightRequests: 1, idempotent: true })
  await producer.connect()
  for (let number = 0; number < 4; number++) {
    const transaction = await producer.transaction()
    await transaction.send({ topic: 'js-tx', messages: [0, 1].map(i => ({ key: null, value: `${number}-${i}`, partition: 0 })) })
    await transaction.sendOffsets({ consumerGroupId: 'js-offsets', topics: [{ topic: 'js', partitions: [{ partition: 0, offset: `${number}` }] }] })
    if (number % 2) await transaction.abort()
    else await transaction.commit()
  }
  await producer.disconnect()
  const offsets = await admin.fetchOffsets({ groupId: 'js-offsets', topics: ['js'] })
  return [await read('js-tx', 4, 'committed'), (await read('js-tx', 8, 'uncommitted')).length,
    offsets[0].partitions.filter(p => p.offset !== '-1').map(p => [p.partition, p.offset])]
}

const offsets = async (admin) => {
  const ends = (await admin.fetchTopicOffsets('js')).map(p => [p.partition, p.low, p.high]).sort()
  await admin.setOffsets({ groupId: 'js-set', topic: 'js', partitions: [{ partition: 1, offset: '3' }] })
  const set = await admin.fetchOffsets({ groupId: 'js-set', topics: ['js'] })
  const groups = (await admin.listGroups()).groups.map(g => g.groupId).filter(g => g.startsWith('js-set'))
  await admin.deleteTopicRecords({ topic: 'js', partitions: [{ partition: 0, offset: '2' }] })
  const after = (await admin.fetchTopicOffsets('js')).map(p => [p.partition, p.low, p.high]).sort()
  const deleted = await errorOf(() => admin.deleteGroups(['js-set']))
  return [ends, set[0].partitions.filter(p => p.offset !== '-1').map(p => [p.partition, p.offset]), groups, after, deleted]
}

const configs = async (admin) => {
  const resource = { type: ConfigResourceTypes.TOPIC, name: 'js', configNames: ['retention.ms', 'cleanup.policy'] }
  const told = async () => (await admin.describeConfigs({ resources: [resource], includeSynonyms: false }))
    .resources[0].configEntries.map(e => [e.configName, e.configValue, e.isDefault]).sort()
  const before = await told()
  await admin.alterConfigs({ resources: [{ type: ConfigResourceTypes.TOPIC, name: 'js', configEntries: [{ name: 'cleanup.policy', value: 'compact' }] }] })
  return [before, await told()]
}

const main = async () => {
  const admin = kafka.admin()
  await admin.connect()
  const out = {}
  for (const [name, scenario] of Object.entries({ topics, produce, transactions, offsets, configs })) out[name] = await scenario(admin)
  await admin.disconnect()
  console.log(JSON.stringify(out))
}

main().catch(error => { console.error(error); process.exit(1) })
