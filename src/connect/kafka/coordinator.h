/* A client of Kafka's protocol for what librdkafka has no call for: to end a transaction in the
 * name of a producer that is no more, and to ask for the ids of topics. Private to connect/kafka/.
 */
#ifndef WEIR_CONNECT_KAFKA_COORDINATOR_H
#define WEIR_CONNECT_KAFKA_COORDINATOR_H

#include "base/buffer.h"
#include "base/socket.h"
#include "connect/embedded.h"
#include "plan/options.h"

typedef struct TransactionEnd {
    const char *id; /* transactional.id */
    int64_t producer_id;
    int32_t producer_epoch;
    EmbeddedHub *hub; /* of this process, which is asked; NULL: the cluster */
} TransactionEnd;

enum { KAFKA_END_AGAIN = -1000 };

/* Ask the coordinator to commit. *code gets its answer by Kafka's numbers, 0 being success, or
 * KAFKA_END_AGAIN: ask once more in a moment. WR3423: nobody answers. */
Status kafka_end_transaction(World *world, const OptionSet *options, const TransactionEnd *end,
                             int32_t *code, Error *error);

/* Why the security settings of the table are none that this client knows; NULL: they are. */
const char *kafka_end_refuse(const OptionSet *options, const char **key);

enum { KAFKA_TOPIC_ID_BYTES = 16 };

/* A topic that is made anew has another one; zeros: the cluster has none, or not that topic. */
typedef struct KafkaTopicId {
    uint8_t bytes[KAFKA_TOPIC_ID_BYTES];
} KafkaTopicId;

typedef struct KafkaTopicIds {
    const char *const *topics;
    int32_t count;
    KafkaTopicId *ids; /* of each, to be filled */
} KafkaTopicIds;

/* The ids of topics of the cluster, or of `hub` unless that is NULL. WR3423: nobody answers. */
Status kafka_topic_ids(World *world, const OptionSet *options, EmbeddedHub *hub,
                       const KafkaTopicIds *asked, Error *error);

/* ---- For sasl.c and topic_ids.c
 * ----------------------------------------------------------------------------- */

typedef struct KafkaWire {
    World *world;
    Arena *arena;
    const OptionSet *options;
    Socket *socket;
    int pair; /* instead of it, to the hub of this process; -1: none */
    int32_t correlation;
    Buffer in, out;
} KafkaWire;

/* Be connected to a server of the table's, or to `hub` unless that is NULL, and `use` that. */
typedef Status (*KafkaWireUse)(KafkaWire *wire, void *context, Error *error);
Status kafka_wire_use(World *world, const OptionSet *options, EmbeddedHub *hub, KafkaWireUse use,
                      void *context, Error *error);
Status kafka_answer_malformed(Error *error);
/* Begin a request; its body is appended to wire->out. */
void kafka_wire_begin(KafkaWire *wire, int16_t key, int16_t version);
/* Send it and read the answer; *body borrows from wire->in. */
Status kafka_wire_ask(KafkaWire *wire, Str *body, Error *error);
void kafka_wire_put_text(Buffer *out, Str text);
/* Numbers in the order of the network; false on a short body. */
bool kafka_wire_take16(Str *body, int16_t *out);
bool kafka_wire_take32(Str *body, int32_t *out);
bool kafka_wire_take_text(Str *body, Str *out);
bool kafka_wire_take_bytes(Str *body, Str *out);

/* PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512. */
Status kafka_sasl(KafkaWire *wire, Str mechanism, Str username, Str password, Error *error);

#endif
