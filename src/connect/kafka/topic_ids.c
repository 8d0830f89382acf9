/* The ids of topics: what tells a topic from another one that has taken its name.
 *
 * Two requests: whether the server knows Metadata in the version that has them (Kafka 2.8), and
 * that. */
#include <string.h>

#include "base/bigendian.h"
#include "connect/kafka/coordinator.h"

enum { KEY_METADATA = 3, KEY_API_VERSIONS = 18, WITH_IDS = 10, BITS = 7, SHIFT_MAX = 28 };

/* ---- The compact forms --------------------------------------------------------------------- */

static void put_number(Buffer *out, uint32_t number)
{
    while (number > INT8_MAX) {
        buffer_append_u8(out, (uint8_t)(number | (1U << BITS)));
        number >>= BITS;
    }
    buffer_append_u8(out, (uint8_t)number);
}

static bool take_number(Str *body, uint32_t *out)
{
    *out = 0;
    for (int32_t shift = 0; shift <= SHIFT_MAX && body->length > 0; shift += BITS) {
        uint8_t byte = (uint8_t)body->data[0];
        *body = str_make(body->data + 1, body->length - 1);
        *out |= (uint32_t)(byte & INT8_MAX) << shift;
        if (byte <= INT8_MAX)
            return true;
    }
    return false;
}

static bool skip(Str *body, int64_t bytes)
{
    if (bytes < 0 || body->length < bytes)
        return false;
    *body = str_make(body->data + bytes, body->length - bytes);
    return true;
}

static bool take_text(Str *body, Str *out)
{
    uint32_t length;
    *out = (Str){0};
    if (!take_number(body, &length))
        return false;
    if (length <= 1)
        return true;
    *out = str_make(body->data, (int64_t)length - 1);
    return skip(body, (int64_t)length - 1);
}

static bool skip_tags(Str *body)
{
    uint32_t count, tag, bytes;
    bool is_good = take_number(body, &count);
    for (uint32_t i = 0; is_good && i < count; i++)
        is_good = take_number(body, &tag) && take_number(body, &bytes) && skip(body, bytes);
    return is_good;
}

/* How many items an array has. */
static bool take_count(Str *body, uint32_t *out)
{
    bool is_good = take_number(body, out);
    *out = *out > 0 ? *out - 1 : 0;
    return is_good;
}

static bool skip_numbers(Str *body)
{
    uint32_t count;
    return take_count(body, &count) && skip(body, (int64_t)count * (int64_t)sizeof(int32_t));
}

/* ---- The requests -------------------------------------------------------------------------- */

static Status ask_versions(KafkaWire *wire, bool *has_ids, Error *error)
{
    *has_ids = false;
    kafka_wire_begin(wire, KEY_API_VERSIONS, 0);
    Str body;
    TRY(kafka_wire_ask(wire, &body, error));
    int16_t code, key, least, most;
    int32_t count;
    if (!kafka_wire_take16(&body, &code) || !kafka_wire_take32(&body, &count))
        return kafka_answer_malformed(error);
    for (int32_t i = 0; i < count; i++) {
        if (!kafka_wire_take16(&body, &key) || !kafka_wire_take16(&body, &least) ||
            !kafka_wire_take16(&body, &most))
            return kafka_answer_malformed(error);
        if (key == KEY_METADATA)
            *has_ids = least <= WITH_IDS && most >= WITH_IDS;
    }
    return OK;
}

static void put_question(KafkaWire *wire, const KafkaTopicIds *asked)
{
    static const KafkaTopicId none;
    Buffer *out = &wire->out;
    kafka_wire_begin(wire, KEY_METADATA, WITH_IDS);
    put_number(out, 0); /* tags of the header */
    put_number(out, (uint32_t)asked->count + 1);
    for (int32_t i = 0; i < asked->count; i++) {
        Str name = str_from(asked->topics[i]);
        buffer_append_str(out, str_make((const char *)none.bytes, sizeof none.bytes));
        put_number(out, (uint32_t)name.length + 1);
        buffer_append_str(out, name);
        put_number(out, 0);
    }
    buffer_append_u8(out, 0); /* do not make topics */
    buffer_append_u8(out, 0); /* nor say who may do what: with the cluster … */
    buffer_append_u8(out, 0); /* … and with topics */
    put_number(out, 0);
}

static bool skip_brokers(Str *body)
{
    uint32_t count;
    int32_t number;
    Str text;
    bool is_good = take_count(body, &count);
    for (uint32_t i = 0; is_good && i < count; i++)
        is_good = kafka_wire_take32(body, &number) && take_text(body, &text) &&
                  kafka_wire_take32(body, &number) && take_text(body, &text) && skip_tags(body);
    return is_good;
}

static bool skip_partitions(Str *body)
{
    enum { CODE_INDEX_LEADER_EPOCH = 14 };
    uint32_t count;
    bool is_good = take_count(body, &count);
    for (uint32_t i = 0; is_good && i < count; i++)
        is_good = skip(body, CODE_INDEX_LEADER_EPOCH) && skip_numbers(body) && skip_numbers(body) &&
                  skip_numbers(body) && skip_tags(body);
    return is_good;
}

static bool take_topic(Str *body, const KafkaTopicIds *asked)
{
    enum { RIGHTS = 4 };
    int16_t code;
    Str name;
    if (!kafka_wire_take16(body, &code) || !take_text(body, &name) ||
        body->length < KAFKA_TOPIC_ID_BYTES)
        return false;
    for (int32_t i = 0; i < asked->count; i++) {
        if (code == 0 && str_is(name, asked->topics[i]))
            memcpy(asked->ids[i].bytes, body->data, KAFKA_TOPIC_ID_BYTES);
    }
    return skip(body, KAFKA_TOPIC_ID_BYTES + 1) && skip_partitions(body) && skip(body, RIGHTS) &&
           skip_tags(body);
}

static Status ids_use(KafkaWire *wire, void *context, Error *error)
{
    const KafkaTopicIds *const *asked = context;
    bool has_ids;
    TRY(ask_versions(wire, &has_ids, error));
    if (!has_ids)
        return OK;
    put_question(wire, *asked);
    Str body, text;
    TRY(kafka_wire_ask(wire, &body, error));
    int32_t number;
    uint32_t count;
    bool is_good = skip_tags(&body) && kafka_wire_take32(&body, &number) && skip_brokers(&body) &&
                   take_text(&body, &text) && kafka_wire_take32(&body, &number) &&
                   take_count(&body, &count);
    for (uint32_t i = 0; is_good && i < count; i++)
        is_good = take_topic(&body, *asked);
    return is_good ? OK : kafka_answer_malformed(error);
}

Status kafka_topic_ids(World *world, const OptionSet *options, EmbeddedHub *hub,
                       const KafkaTopicIds *asked, Error *error)
{
    memset(asked->ids, 0, (size_t)asked->count * sizeof asked->ids[0]);
    return kafka_wire_use(world, options, hub, ids_use, (void *)&asked, error);
}
