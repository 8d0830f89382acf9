/* A handle of librdkafka, and what it complains of. */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "connect/kafka/kafka.h"

enum {
    STEP_MS = 200,
    PAUSE_US = 20 * 1000,
    CREATION_US = 1000 * 1000, /* how long a topic may take to come into being */
    CREATION_STEP_US = 50 * 1000
};

/* From the client's threads. What it tries again by itself is worth a line in the log, and the last
 * such line says why nothing comes if nothing does. */
static void client_log(const rd_kafka_t *handle, int level, const char *facility, const char *text)
{
    KafkaClient *client = rd_kafka_opaque(handle);
    if (client == NULL || level > 4 || strcmp(facility, "CONFWARN") == 0)
        return;
    const char *behind = strstr(text, "]: "); /* the thread's name goes before it */
    text = text[0] == '[' && behind != NULL ? behind + 3 : text;
    pthread_mutex_lock(&client->lock);
    snprintf(client->trouble, sizeof client->trouble, "%s", text);
    pthread_mutex_unlock(&client->lock);
    /* "ERROR" repeats what "FAIL" has said. */
    if (strcmp(facility, "ERROR") != 0)
        log_event(level <= 3 ? LOG_WARN : LOG_DEBUG, "kafka", "%s", text);
}

void kafka_client_init(KafkaClient *client, World *world)
{
    client->world = world;
    pthread_mutex_init(&client->lock, NULL);
}

static void client_set(rd_kafka_conf_t *conf, const KafkaSetting *settings, bool is_fixed)
{
    char reason[256];
    for (; settings->key != NULL; settings++) {
        if (settings->is_fixed != is_fixed)
            continue;
        rd_kafka_conf_res_t result =
            rd_kafka_conf_set(conf, settings->key, settings->value, reason, sizeof reason);
        assert(result == RD_KAFKA_CONF_OK);
    }
}

/* ---- The hub of this process --------------------------------------------------------------- */

bool kafka_is_of_hub(const PlanTable *table)
{
    return !options_has(table->options.options, "properties.bootstrap.servers");
}

EmbeddedHub *kafka_hub(const PlanTable *table, EmbeddedHub *hub)
{
    return kafka_is_of_hub(table) ? hub : NULL;
}

Status kafka_client_embed(KafkaClient *client, const PlanTable *table, EmbeddedHub *hub,
                          Error *error)
{
    if (!kafka_is_of_hub(table))
        return OK;
    if (hub == NULL)
        return fail(error, ERR_INVALID, "WR3435",
                    "table `%.*s` names no cluster in 'properties.bootstrap.servers', and there is "
                    "no data folder for a hub of this process",
                    STR_ARGS(table->name));
    TRY(embedded_hub_need(hub, error));
    client->hub = hub;
    return OK;
}

/* Whatever address it was to be: the socket is connected already. */
static int client_socket(int domain, int type, int protocol, void *opaque)
{
    (void)domain, (void)type, (void)protocol;
    return embedded_hub_connect(((KafkaClient *)opaque)->hub);
}

static int client_connect(int socket, const struct sockaddr *address, int length, const char *id,
                          void *opaque)
{
    (void)socket, (void)address, (void)length, (void)id, (void)opaque;
    return 0;
}

static void client_set_hub(const KafkaClient *client, rd_kafka_conf_t *conf)
{
    KafkaSetting settings[] = {
        {"bootstrap.servers", embedded_hub_address(client->hub), true},
        {"broker.address.family", "v4", true},
        {"allow.auto.create.topics", "true", true},
        {NULL, NULL, false},
    };
    client_set(conf, settings, true);
    rd_kafka_conf_set_socket_cb(conf, client_socket);
    rd_kafka_conf_set_connect_cb(conf, client_connect);
}

/* ---- Handles ------------------------------------------------------------------------------- */

Status kafka_client_open(KafkaClient *client, Arena *arena, rd_kafka_type_t type,
                         const PlanTable *table, const KafkaSetting *settings, Error *error)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    char reason[256];
    const char *key = "";
    client_set(conf, settings, false);
    Status status = kafka_properties(arena, table->options.options, conf, &key, error);
    if (status != OK) {
        rd_kafka_conf_destroy(conf);
        return status;
    }
    client_set(conf, settings, true);
    if (client->hub != NULL)
        client_set_hub(client, conf);
    rd_kafka_conf_set_opaque(conf, client);
    rd_kafka_conf_set_log_cb(conf, client_log);
    if (client->reported != NULL)
        rd_kafka_conf_set_dr_msg_cb(conf, client->reported);
    if (client->measured != NULL)
        rd_kafka_conf_set_stats_cb(conf, client->measured);
    client->handle = rd_kafka_new(type, conf, reason, sizeof reason);
    if (client->handle != NULL)
        return OK;
    rd_kafka_conf_destroy(conf);
    return fail(error, ERR_INVALID, "WR3422", "the properties of table `%.*s` do not do: %s",
                STR_ARGS(table->name), reason);
}

void kafka_client_close(KafkaClient *client)
{
    if (client->handle != NULL)
        rd_kafka_destroy(client->handle);
    client->handle = NULL;
    pthread_mutex_destroy(&client->lock);
}

void kafka_client_interrupt(KafkaClient *client)
{
    atomic_store(&client->is_interrupted, true);
}

Status kafka_unreachable(KafkaClient *client, const char *what, Error *error)
{
    char trouble[sizeof client->trouble];
    pthread_mutex_lock(&client->lock);
    memcpy(trouble, client->trouble, sizeof trouble);
    pthread_mutex_unlock(&client->lock);
    Status status =
        fail(error, ERR_UNAVAILABLE, "WR3423", "the Kafka cluster does not answer: %s%s%s", what,
             trouble[0] != '\0' ? "; " : "", trouble);
    if (error != NULL) {
        error_hint(error, "look at 'properties.bootstrap.servers', and at the security settings "
                          "(properties.security.protocol, properties.sasl.*)");
        error->is_retriable = true;
    }
    return status;
}

Status kafka_client_topics(KafkaClient *client, const char *topic, int64_t timeout_us,
                           const rd_kafka_metadata_t **out, Error *error)
{
    rd_kafka_topic_t *one = topic == NULL ? NULL : rd_kafka_topic_new(client->handle, topic, NULL);
    rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR__TIMED_OUT;
    int64_t end_us = world_monotonic_us(client->world) + timeout_us;
    while (!atomic_load(&client->is_interrupted)) {
        code = rd_kafka_metadata(client->handle, one == NULL, one, out, STEP_MS);
        if (code != RD_KAFKA_RESP_ERR__TIMED_OUT && code != RD_KAFKA_RESP_ERR__TRANSPORT)
            break;
        if (world_monotonic_us(client->world) >= end_us)
            break;
        client->world->kind->sleep_us(client->world, PAUSE_US);
    }
    if (one != NULL)
        rd_kafka_topic_destroy(one);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
        return OK;
    if (atomic_load(&client->is_interrupted))
        return ERR_CANCELLED;
    return kafka_unreachable(client, rd_kafka_err2str(code), error);
}

bool kafka_topic_is_unknown(const rd_kafka_metadata_t *metadata)
{
    rd_kafka_resp_err_t code = metadata->topic_cnt != 1 ? RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART
                                                        : metadata->topics[0].err;
    return code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART ||
           code == RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION ||
           code == RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE;
}

Status kafka_client_topic(KafkaClient *client, const char *topic, int64_t timeout_us,
                          const rd_kafka_metadata_t **out, Error *error)
{
    bool makes_topics = client->hub != NULL || rd_kafka_type(client->handle) == RD_KAFKA_PRODUCER;
    int64_t end_us = world_monotonic_us(client->world) + (makes_topics ? CREATION_US : 0);
    for (;;) {
        TRY(kafka_client_topics(client, topic, timeout_us, out, error));
        if (!kafka_topic_is_unknown(*out) || world_monotonic_us(client->world) >= end_us)
            return OK;
        rd_kafka_metadata_destroy(*out);
        client->world->kind->sleep_us(client->world, CREATION_STEP_US);
    }
}
