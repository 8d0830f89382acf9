/* Where reading of a partition begins and ends: 'scan.startup.*' and 'scan.bounded.*'. */
#include <string.h>

#include "connect/kafka/kafka.h"

enum { REQUEST_MS = 10 * 1000 };

typedef enum PositionMode {
    AT_EARLIEST,
    AT_LATEST,
    AT_GROUP,
    AT_TIMESTAMP,
    AT_SPECIFIC,
    AT_NOWHERE,
} PositionMode;

static PositionMode mode_of(const OptionSet *options, const char *key)
{
    Str text = options_text(options, key);
    if (str_is(text, "earliest-offset"))
        return AT_EARLIEST;
    if (str_is(text, "latest-offset"))
        return AT_LATEST;
    if (str_is(text, "group-offsets"))
        return AT_GROUP;
    if (str_is(text, "timestamp"))
        return AT_TIMESTAMP;
    return str_is(text, "specific-offsets") ? AT_SPECIFIC : AT_NOWHERE;
}

/* `partition:0,offset:42;partition:1,offset:300`. The offset of the partition in *out, -1: it is
 * not named. False: the text has another form. */
static bool specific_find(Str text, int32_t partition, int64_t *out)
{
    *out = -1;
    Str rest = text;
    while (rest.data != NULL) {
        Str item = str_trim(str_split(rest, ';', &rest));
        if (item.length == 0 && rest.data == NULL)
            break;
        Str second;
        Str first = str_trim(str_split(item, ',', &second));
        second = str_trim(second);
        int64_t number, offset;
        if (!str_has_prefix(first, STR("partition:")) || !str_has_prefix(second, STR("offset:")) ||
            !str_parse_int64(str_make(first.data + 10, first.length - 10), &number) ||
            !str_parse_int64(str_make(second.data + 7, second.length - 7), &offset) || offset < 0)
            return false;
        if (number == partition)
            *out = offset;
    }
    return text.length > 0;
}

static const char *position_check(const OptionSet *options, PositionMode mode, const char *offsets,
                                  const char *timestamp, const char **option)
{
    int64_t ignored;
    if (mode == AT_SPECIFIC) {
        *option = offsets;
        if (!options_has(options, offsets))
            return "the mode 'specific-offsets' needs the offsets";
        if (!specific_find(options_text(options, offsets), 0, &ignored))
            return "offsets are written 'partition:0,offset:42;partition:1,offset:300'";
    }
    *option = timestamp;
    if (mode == AT_TIMESTAMP && !options_has(options, timestamp))
        return "the mode 'timestamp' needs the time in milliseconds since 1970";
    return NULL;
}

const char *kafka_positions_check(const OptionSet *options, bool is_upsert, const char **option)
{
    const char *problem = NULL;
    if (!is_upsert)
        problem = position_check(options, mode_of(options, "scan.startup.mode"),
                                 "scan.startup.specific-offsets", "scan.startup.timestamp-millis",
                                 option);
    if (problem == NULL)
        problem = position_check(options, mode_of(options, "scan.bounded.mode"),
                                 "scan.bounded.specific-offsets", "scan.bounded.timestamp-millis",
                                 option);
    return problem;
}

/* ---- Asking the cluster -------------------------------------------------------------------- */

typedef struct Placer {
    KafkaClient *client;
    const PlanTable *table;
    const OptionSet *options;
} Placer;

static Status placer_refused(const Placer *placer, const KafkaSplit *split, const char *what,
                             rd_kafka_resp_err_t code, Error *error)
{
    if (code == RD_KAFKA_RESP_ERR__TIMED_OUT || code == RD_KAFKA_RESP_ERR__TRANSPORT ||
        code == RD_KAFKA_RESP_ERR__WAIT_COORD)
        return kafka_unreachable(placer->client, what, error);
    return fail(error, ERR_PERMISSION, "WR3429", "%s of partition %d of topic '%s': %s", what,
                split->partition, split->topic, rd_kafka_err2str(code));
}

static Status place_at_edge(const Placer *placer, const KafkaSplit *split, bool is_low,
                            int64_t *out, Error *error)
{
    int64_t low, high;
    rd_kafka_resp_err_t code = rd_kafka_query_watermark_offsets(
        placer->client->handle, split->topic, split->partition, &low, &high, REQUEST_MS);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
        return placer_refused(placer, split, "asking for the offsets", code, error);
    *out = is_low ? low : high;
    return OK;
}

static Status place_by_time(const Placer *placer, const KafkaSplit *split, int64_t time_ms,
                            int64_t *out, Error *error)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_t *item =
        rd_kafka_topic_partition_list_add(list, split->topic, split->partition);
    item->offset = time_ms;
    rd_kafka_resp_err_t code = rd_kafka_offsets_for_times(placer->client->handle, list, REQUEST_MS);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
        code = item->err;
    *out = item->offset;
    rd_kafka_topic_partition_list_destroy(list);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
        return placer_refused(placer, split, "asking for the offset of a time", code, error);
    return *out >= 0 ? OK : place_at_edge(placer, split, false, out, error);
}

/* *out is -1 when the group has none. */
static Status place_committed(const Placer *placer, const KafkaSplit *split, int64_t *out,
                              Error *error)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_t *item =
        rd_kafka_topic_partition_list_add(list, split->topic, split->partition);
    rd_kafka_resp_err_t code = rd_kafka_committed(placer->client->handle, list, REQUEST_MS);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
        code = item->err;
    *out = item->offset < 0 ? -1 : item->offset;
    rd_kafka_topic_partition_list_destroy(list);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
        return placer_refused(placer, split, "asking for the offset of the group", code, error);
    return OK;
}

static Status place_by_group(const Placer *placer, const KafkaSplit *split, int64_t *out,
                             Error *error)
{
    TRY(place_committed(placer, split, out, error));
    if (*out >= 0)
        return OK;
    Str reset = kafka_property(placer->options, "auto.offset.reset");
    if (str_is(reset, "earliest") || str_is(reset, "latest"))
        return place_at_edge(placer, split, str_is(reset, "earliest"), out, error);
    Status status = fail(error, ERR_NOT_FOUND, "WR3426",
                         "the group has no offset for partition %d of topic '%s'", split->partition,
                         split->topic);
    if (error != NULL)
        error_hint(error, "say where to begin: 'scan.startup.mode' = 'earliest-offset', or "
                          "'properties.auto.offset.reset' = 'earliest' or 'latest'");
    return status;
}

static Status place_specific(const Placer *placer, const KafkaSplit *split, const char *key,
                             int64_t *out, Error *error)
{
    bool is_good = specific_find(options_text(placer->options, key), split->partition, out);
    assert(is_good);
    if (*out >= 0)
        return OK;
    TRY(place_committed(placer, split, out, error));
    return *out >= 0 ? OK : place_at_edge(placer, split, true, out, error);
}

static Status place_start(const Placer *placer, KafkaSplit *split, PositionMode mode, Error *error)
{
    switch (mode) {
    case AT_LATEST: return place_at_edge(placer, split, false, &split->next, error);
    case AT_GROUP: return place_by_group(placer, split, &split->next, error);
    case AT_TIMESTAMP:
        return place_by_time(placer, split,
                             options_int(placer->options, "scan.startup.timestamp-millis"),
                             &split->next, error);
    case AT_SPECIFIC:
        return place_specific(placer, split, "scan.startup.specific-offsets", &split->next, error);
    case AT_EARLIEST:
    case AT_NOWHERE: break;
    }
    return place_at_edge(placer, split, true, &split->next, error);
}

static Status place_stop(const Placer *placer, KafkaSplit *split, Error *error)
{
    switch (mode_of(placer->options, "scan.bounded.mode")) {
    case AT_LATEST: return place_at_edge(placer, split, false, &split->stop, error);
    case AT_GROUP: return place_by_group(placer, split, &split->stop, error);
    case AT_TIMESTAMP:
        return place_by_time(placer, split,
                             options_int(placer->options, "scan.bounded.timestamp-millis"),
                             &split->stop, error);
    case AT_SPECIFIC:
        return place_specific(placer, split, "scan.bounded.specific-offsets", &split->stop, error);
    case AT_EARLIEST:
    case AT_NOWHERE: break;
    }
    return OK;
}

Status kafka_splits_place(KafkaSplits *splits, int32_t first, SourceBegin begin,
                          KafkaClient *client, const PlanTable *table, Error *error)
{
    Placer placer = {.client = client, .table = table, .options = table->options.options};
    bool is_earliest = begin.at == BEGIN_EARLIEST || kafka_is_upsert(table);
    PositionMode mode = is_earliest ? AT_EARLIEST : mode_of(placer.options, "scan.startup.mode");
    for (int32_t i = first; i < splits->count; i++) {
        KafkaSplit *split = splits->items[i];
        if (atomic_load(&client->is_interrupted))
            return ERR_CANCELLED;
        if (begin.at == BEGIN_AT_TIME && !is_earliest)
            TRY(place_by_time(&placer, split, begin.time_ms, &split->next, error));
        else
            TRY(place_start(&placer, split, mode, error));
        TRY(place_stop(&placer, split, error));
    }
    return OK;
}

Status kafka_split_begin_again(KafkaSplit *split, bool is_at_first, KafkaClient *client,
                               const PlanTable *table, Error *error)
{
    Placer placer = {.client = client, .table = table, .options = table->options.options};
    TRY(place_at_edge(&placer, split, is_at_first, &split->next, error));
    split->stop = KAFKA_NO_STOP;
    return place_stop(&placer, split, error);
}

Status kafka_splits_note_end(KafkaSplits *splits, KafkaClient *client, const PlanTable *table,
                             Error *error)
{
    Placer placer = {.client = client, .table = table, .options = table->options.options};
    for (int32_t i = 0; i < splits->count; i++)
        TRY(place_at_edge(&placer, splits->items[i], false, &splits->items[i]->end, error));
    return OK;
}
