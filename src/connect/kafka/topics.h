/* What a table of Kafka says of its topics, for those who take records in. */
#ifndef WEIR_CONNECT_KAFKA_TOPICS_H
#define WEIR_CONNECT_KAFKA_TOPICS_H

#include "format/format.h"
#include "plan/plan.h"

typedef struct TopicRecord {
    const char *topic;
    Schema record;        /* the columns that a record gives; for JSON those of the key, too */
    const Format *format; /* of the value */
    const char *prefix;   /* of its options */
    Schema key;           /* names as the key's format has them; none: the table has no key */
    const int32_t *key_columns; /* of `record` */
    const Format *key_format;
    const char *key_prefix;
} TopicRecord;

/* A record for each topic of a table of `kafka` or `upsert-kafka`; none of other tables, of those
 * with a pattern, and of those whose key is not among what a record gives. All in the arena. */
int32_t kafka_topic_records(Arena *arena, const PlanTable *table, TopicRecord **out);

#endif
