/* The HTTP door of the hub: records in and out of topics for those who do not speak Kafka's
 * protocol.
 *
 *   POST /v1/topics/{topic}/records      one JSON value, an array, lines, or bytes
 *   GET  /v1/topics/{topic}/records      from an offset or a time on
 *   GET  /v1/topics, /v1/topics/{topic}
 *   /subjects, /schemas, /config, /mode, /compatibility
 *                                        the API of Confluent's schema registry
 *   GET  /livez /readyz /metrics /buildz /openapi.json
 *
 * A record is acknowledged when it is durable. One that is not what its topic's declaration says
 * goes to the topic's dead letters, TOPIC.dead-letters, with its reason, and the others are taken.
 */
#ifndef WEIR_DOOR_DOOR_H
#define WEIR_DOOR_DOOR_H

#include "base/tls.h"
#include "connect/kafka/topics.h"
#include "hub/keys.h"
#include "hub/topics.h"
#include "registry/registry.h"

typedef struct Door Door;

enum { DOOR_PORT_DEFAULT = 8084, DOOR_CONTENT_BYTES_DEFAULT = 10 * 1024 * 1024 };

/* What the records of a topic have to be. */
typedef struct DoorTable {
    const char *name; /* of the table that declares it */
    TopicRecord record;
    const OptionSet *options;
    const TimeZone *zone;
} DoorTable;

typedef struct DoorConfig {
    World *world;
    Topics *topics; /* with a log that flushes by itself */
    const char *listen;
    TlsFiles tls; /* `cert` NULL: plain */
    bool allows_plaintext;
    bool creates_topics;
    int32_t default_partitions;
    int64_t content_bytes_max;      /* of a request; 0: the default */
    const DoorTable *const *tables; /* borrowed */
    int32_t table_count;
    /* Who may do what. While there is none, everybody on this machine may everything, and beyond it
     * who has a certificate, or is allowed to come in plain text. */
    Keys *keys;
    Subjects *registry; /* borrowed */
} DoorConfig;

/* As http_start. */
Status door_open(const DoorConfig *config, Door **out, Error *error);

/* "http://127.0.0.1:8084", or "https://…". */
const char *door_url(const Door *door);

/* Answers what is under way. NULL is allowed. */
void door_close(Door *door);

#endif
