/* Rows of upsert-kafka that wait for a moment: of each key in each topic the last one. The same key
 * in another topic is another message: what deletes it here does not delete it there. */
#include <string.h>

#include "base/map.h"
#include "connect/kafka/kafka.h"

struct KafkaHold {
    Arena *arena; /* of what is held */
    Map *messages;
    Buffer place; /* the topic and the key of one */
};

KafkaHold *kafka_hold_new(Arena *arena)
{
    KafkaHold *hold = ARENA_NEW(arena, KafkaHold);
    hold->arena = arena_new(0);
    hold->messages = map_new(hold->arena);
    return hold;
}

static void message_drop(KafkaMessage *message)
{
    if (message->headers != NULL)
        rd_kafka_headers_destroy(message->headers);
    message->headers = NULL;
}

void kafka_hold_clear(KafkaHold *hold)
{
    arena_reset(hold->arena);
    hold->messages = map_new(hold->arena);
}

void kafka_hold_free(KafkaHold *hold)
{
    if (hold == NULL)
        return;
    for (int32_t i = 0; i < map_count(hold->messages); i++)
        message_drop(map_value_at(hold->messages, i));
    buffer_free(&hold->place);
    arena_free(hold->arena);
}

/* A tombstone stays one: no data is not the same as no bytes. */
static Str bytes_copy(Arena *arena, Str bytes)
{
    return bytes.data == NULL ? bytes : str_copy(arena, bytes);
}

void kafka_hold_put(KafkaHold *hold, const KafkaMessage *message)
{
    hold->place.length = 0;
    buffer_append_bytes(&hold->place, message->topic);
    buffer_append_str(&hold->place, message->key);
    Str place = buffer_str(&hold->place);
    KafkaMessage *held = map_find(hold->messages, place);
    if (held == NULL) {
        held = ARENA_NEW(hold->arena, KafkaMessage);
        held->topic = bytes_copy(hold->arena, message->topic);
        held->key = bytes_copy(hold->arena, message->key);
        map_put(hold->messages, place, held);
    }
    message_drop(held);
    held->value = bytes_copy(hold->arena, message->value);
    held->timestamp_ms = message->timestamp_ms;
    held->headers = message->headers;
}

int32_t kafka_hold_count(const KafkaHold *hold)
{
    return map_count(hold->messages);
}

int64_t kafka_hold_bytes(const KafkaHold *hold)
{
    return arena_bytes(hold->arena);
}

KafkaMessage *kafka_hold_at(KafkaHold *hold, int32_t index)
{
    return map_value_at(hold->messages, index);
}
