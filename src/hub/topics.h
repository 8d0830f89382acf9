/* The topics of a hub: which there are, with how many partitions and what configuration, durable in
 * one file beside the log; and the log itself.
 *
 *     DIR/topics                  the catalogue
 *     DIR/NAME.ID/0, 1, …         partitions; a topic that is made anew has another id
 *
 * Calls come from whoever holds topics_lock, but for what is said of the log's own threads. */
#ifndef WEIR_HUB_TOPICS_H
#define WEIR_HUB_TOPICS_H

#include "hub/kept.h"
#include "log/log.h"

enum { TOPIC_NAME_BYTES_MAX = 249, TOPIC_PARTITIONS_MAX = 10000, TOPIC_ID_BYTES = 16 };

typedef struct Topic {
    const char *name;
    char id[TOPIC_ID_BYTES];
    int32_t partition_count;
    List configs;           /* ConfigEntry *; what differs from the defaults */
    Partition **partitions; /* NULL: not opened yet */
} Topic;

typedef struct Topics Topics;

/* Open the log in `folder` and read the catalogue. WR5401 if that is damaged. */
Status topics_open(World *world, const char *folder, const LogOptions *options, Topics **out,
                   Error *error);
/* Close the log cleanly, and free it all. */
Status topics_close(Topics *topics, Error *error);

Log *topics_log(Topics *topics);

/* Calls come from one thread at a time: whoever holds this. */
void topics_lock(Topics *topics);
void topics_unlock(Topics *topics);

/* Another number after each change of what topics there are, their partitions or configuration. */
int64_t topics_version(const Topics *topics);

/* In order of name. */
int32_t topics_count(const Topics *topics);
Topic *topics_at(const Topics *topics, int32_t index);
Topic *topics_find(const Topics *topics, Str name);

/* By its 16 bytes; NULL: none has it. */
Topic *topics_find_id(const Topics *topics, Str id);
/* Where all of it is. */
const char *topics_folder(const Topics *topics);

/* Whether Kafka allows the name. */
bool topic_name_is_valid(Str name);

/* Make one, durably; `configs` are without fault and are copied. The name is valid and not taken.
 * If it is that of a topic that is kept (hub/kept.h), the topic has one partition and is compacted,
 * unless `configs` say otherwise. */
Status topics_create(Topics *topics, Str name, int32_t partition_count, const List *configs,
                     Topic **out, Error *error);

/* Its configuration becomes that, durably; `configs` are without fault and are copied. */
Status topics_set_configs(Topics *topics, Topic *topic, const List *configs, Error *error);
/* It gets more partitions, durably: `count` in all. */
Status topics_add_partitions(Topics *topics, Topic *topic, int32_t count, Error *error);

/* Remove it and its records, durably: first from the catalogue, then the files. */
Status topics_delete(Topics *topics, Topic *topic, Error *error);

/* The partition, opened when it is first asked for; it stays the topic's. */
Status topics_partition(Topics *topics, Topic *topic, int32_t index, Partition **out, Error *error);

/* An id that no producer has had; durable. */
Status topics_next_producer_id(Topics *topics, int64_t *out, Error *error);

#endif
