/* 'properties.*' of a table as the configuration of a client.
 *
 * Scripts are written for Kafka's Java client. Most properties have the same name in librdkafka;
 * some have another, some mean something to Java only and are passed over with a word, and the rest
 * are mistakes. */
#include <string.h>

#include "base/log.h"
#include "connect/kafka/kafka.h"

static const char prefix[] = "properties.";

/* Of Java's client, and what they are called here; NULL: they have no meaning outside of Java, or
 * weir sees to it itself. */
static const struct {
    const char *java, *ours;
} translations[] = {
    {"fetch.max.wait.ms", "fetch.wait.max.ms"},
    {"max.request.size", "message.max.bytes"},
    {"ssl.truststore.certificates", "ssl.ca.pem"},
    {"ssl.keystore.certificate.chain", "ssl.certificate.pem"},
    {"ssl.keystore.key", "ssl.key.pem"},
    {"key.deserializer", NULL},
    {"value.deserializer", NULL},
    {"key.serializer", NULL},
    {"value.serializer", NULL},
    {"max.poll.records", NULL},
    {"buffer.memory", NULL},
    {"max.block.ms", NULL},
    {"partition.assignment.strategy", NULL},
    {"partition.discovery.interval.ms", NULL},
    {"commit.offsets.on.checkpoint", NULL},
    {"register.consumer.metrics", NULL},
    {"client.id.prefix", NULL},
    {"client.dns.lookup", NULL},
    {"default.api.timeout.ms", NULL},
    {"exclude.internal.topics", NULL},
    {"interceptor.classes", NULL},
    {"metric.reporters", NULL},
    {"metrics.num.samples", NULL},
    {"metrics.recording.level", NULL},
    {"metrics.sample.window.ms", NULL},
    {"partitioner.class", NULL},
    {"partitioner.ignore.keys", NULL},
    {"receive.buffer.bytes", "socket.receive.buffer.bytes"},
    {"send.buffer.bytes", "socket.send.buffer.bytes"},
    {"request.timeout.ms", "socket.timeout.ms"},
    {"auto.offset.reset", NULL},
    {"enable.auto.commit", NULL},
    {"auto.commit.interval.ms", NULL},
    {"transactional.id", NULL},
    {"ssl.protocol", NULL},
    {"ssl.enabled.protocols", NULL},
    {"ssl.truststore.type", NULL},
    {"ssl.keystore.type", NULL},
};

Str kafka_property(const OptionSet *options, const char *name)
{
    for (int32_t i = 0; i < options_count(options); i++) {
        OptionEntry entry = options_at(options, i);
        if (entry.key.length == (int64_t)(sizeof prefix - 1 + strlen(name)) &&
            str_has_prefix(entry.key, STR("properties.")) &&
            str_has_suffix(entry.key, str_from(name)))
            return entry.value;
    }
    return (Str){0};
}

static Status property_set(rd_kafka_conf_t *conf, const char *name, const char *value, Error *error)
{
    char reason[256];
    switch (rd_kafka_conf_set(conf, name, value, reason, sizeof reason)) {
    case RD_KAFKA_CONF_OK: return OK;
    case RD_KAFKA_CONF_UNKNOWN:
        return fail(error, ERR_INVALID, "WR3422",
                    "'properties.%s' is no property of a Kafka client", name);
    case RD_KAFKA_CONF_INVALID: break;
    }
    return fail(error, ERR_INVALID, "WR3422", "'properties.%s' has a wrong value: %s", name,
                reason);
}

/* The value of `name="…"` in a JAAS configuration, or NULL. */
static const char *jaas_value(Arena *arena, Str text, const char *name)
{
    int64_t at = str_find(text, str_from(name));
    if (at < 0)
        return NULL;
    at += (int64_t)strlen(name);
    while (at < text.length && (text.data[at] == ' ' || text.data[at] == '='))
        at++;
    if (at >= text.length || text.data[at] != '"')
        return NULL;
    Buffer value = {0};
    for (at++; at < text.length && text.data[at] != '"'; at++) {
        if (text.data[at] == '\\' && at + 1 < text.length)
            at++;
        buffer_append_char(&value, text.data[at]);
    }
    const char *copy = str_terminated(arena, buffer_str(&value));
    buffer_free(&value);
    return copy;
}

/* `…LoginModule required username="…" password="…";` */
static Status jaas_set(Arena *arena, Str text, rd_kafka_conf_t *conf, Error *error)
{
    const char *username = jaas_value(arena, text, "username");
    const char *password = jaas_value(arena, text, "password");
    if (username == NULL || password == NULL)
        return fail(error, ERR_INVALID, "WR3422",
                    "'properties.sasl.jaas.config' has no username=\"…\" and password=\"…\"");
    TRY(property_set(conf, "sasl.username", username, error));
    return property_set(conf, "sasl.password", password, error);
}

static Str str_or_none(const char *text)
{
    return text == NULL ? (Str){0} : str_from(text);
}

void kafka_credentials(Arena *arena, const OptionSet *options, Str *username, Str *password)
{
    Str jaas = kafka_property(options, "sasl.jaas.config");
    *username = kafka_property(options, "sasl.username");
    *password = kafka_property(options, "sasl.password");
    if (jaas.data == NULL)
        return;
    *username = str_or_none(jaas_value(arena, jaas, "username"));
    *password = str_or_none(jaas_value(arena, jaas, "password"));
}

static Status property_take(Arena *arena, const char *name, Str value, rd_kafka_conf_t *conf,
                            Error *error)
{
    if (strcmp(name, "sasl.jaas.config") == 0)
        return jaas_set(arena, value, conf, error);
    const char *text = str_terminated(arena, value);
    if (strcmp(name, "ssl.endpoint.identification.algorithm") == 0 && value.length == 0)
        text = "none";
    if (strcmp(name, "ssl.truststore.location") == 0) {
        if (!str_has_suffix(value, STR(".pem")) && !str_has_suffix(value, STR(".crt")))
            return fail(error, ERR_INVALID, "WR3422",
                        "'properties.ssl.truststore.location' must be a PEM file here");
        name = "ssl.ca.location";
    }
    for (size_t i = 0; i < sizeof translations / sizeof translations[0]; i++) {
        if (strcmp(name, translations[i].java) != 0)
            continue;
        if (translations[i].ours == NULL)
            return OK;
        name = translations[i].ours;
    }
    return property_set(conf, name, text, error);
}

Status kafka_properties(Arena *arena, const OptionSet *options, rd_kafka_conf_t *conf,
                        const char **key, Error *error)
{
    Str lead = str_from(prefix);
    for (int32_t i = 0; i < options_count(options); i++) {
        OptionEntry entry = options_at(options, i);
        if (!str_has_prefix(entry.key, lead))
            continue;
        *key = str_terminated(arena, entry.key);
        TRY(property_take(arena, *key + lead.length, entry.value, conf, error));
    }
    return OK;
}
