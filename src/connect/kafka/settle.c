/* Committing what another process has prepared.
 *
 * Whether it is committed already says the note that went with it. If not, the coordinator of the
 * transaction is asked to end it, in the name of the producer that wrote it: the one request that
 * librdkafka has no call for (coordinator.c). */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "connect/kafka/coordinator.h"
#include "connect/kafka/kafka.h"

enum { REQUEST_MS = 10 * 1000, END_TRIES = 100, END_PAUSE_US = 200 * 1000 };

static Status note_take(rd_kafka_t *handle, const char *topic, KafkaClient *client, KafkaNote *out,
                        Error *error)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    const rd_kafka_topic_partition_t *item = rd_kafka_topic_partition_list_add(list, topic, 0);
    rd_kafka_resp_err_t code = rd_kafka_committed(handle, list, REQUEST_MS);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
        code = item->err;
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR && item->offset >= 0 && item->metadata != NULL) {
        snprintf(out->attempt, sizeof out->attempt, "%.*s", (int)item->metadata_size,
                 (const char *)item->metadata);
        out->checkpoint = item->offset;
    }
    rd_kafka_topic_partition_list_destroy(list);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
        return OK;
    return kafka_unreachable(client, rd_kafka_err2str(code), error);
}

static const char *note_topic(SinkWriter *writer, const KafkaPrepared *prepared)
{
    if (prepared->topic[0] != '\0')
        return prepared->topic;
    List named = kafka_topics_named(writer->arena, writer->node->sink.table->options.options);
    return named.count > 0 ? LIST_AT(named, 0, char) : "none";
}

Status kafka_note_read(SinkWriter *writer, const char *group, const char *topic, KafkaNote *out,
                       Error *error)
{
    const PlanTable *table = writer->node->sink.table;
    KafkaClient client = {0};
    kafka_client_init(&client, writer->world);
    client.hub = kafka_hub(table, writer->hub);
    KafkaSetting settings[] = {
        {"group.id", group, true},
        /* What is committed, not what waits to be. */
        {"isolation.level", "read_uncommitted", true},
        {"enable.auto.commit", "false", true},
        {NULL, NULL, false},
    };
    *out = (KafkaNote){0};
    Status status =
        kafka_client_open(&client, writer->arena, RD_KAFKA_CONSUMER, table, settings, error);
    if (status == OK)
        status = note_take(client.handle, topic, &client, out, error);
    kafka_client_close(&client);
    return status;
}

static Status settle_lost(const KafkaPrepared *prepared, int32_t code, Error *error)
{
    Status status =
        fail(error, ERR_LOST, "WR3432",
             "the transaction of checkpoint %lld can no longer be committed, and its rows are gone "
             "from the topic: the cluster has given it up (%s)",
             (long long)prepared->checkpoint, rd_kafka_err2str((rd_kafka_resp_err_t)code));
    if (error != NULL)
        error_hint(error,
                   "the job was away for longer than 'properties.transaction.timeout.ms'; go "
                   "on from the checkpoint before that one, which writes the rows again: "
                   "--fresh -D execution.state-recovery.path=…/chk-N");
    return status;
}

static Status settle_end(SinkWriter *writer, const KafkaPrepared *prepared, const KafkaNote *note,
                         Error *error)
{
    const PlanTable *table = writer->node->sink.table;
    int32_t code = KAFKA_END_AGAIN;
    for (int32_t i = 0; i < END_TRIES && code == KAFKA_END_AGAIN; i++) {
        if (i > 0)
            writer->world->kind->sleep_us(writer->world, END_PAUSE_US);
        TransactionEnd end = {.id = prepared->transactional_id,
                              .producer_id = prepared->producer_id,
                              .producer_epoch = prepared->producer_epoch};
        end.hub = kafka_hub(table, writer->hub);
        TRY(kafka_end_transaction(writer->world, table->options.options, &end, &code, error));
    }
    if (code == 0) {
        log_event(LOG_INFO, "kafka",
                  "table `%.*s`: the transaction of checkpoint %lld is committed",
                  STR_ARGS(table->name), (long long)prepared->checkpoint);
        return OK;
    }
    if (code == KAFKA_END_AGAIN) {
        Status status =
            fail(error, ERR_UNAVAILABLE, "WR3423", "the coordinator of transaction '%s' is busy",
                 prepared->transactional_id);
        error->is_retriable = true;
        return status;
    }
    if (code == RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED)
        return fail(error, ERR_PERMISSION, "WR3429", "transaction '%s' may not be ended: %s",
                    prepared->transactional_id, rd_kafka_err2str((rd_kafka_resp_err_t)code));
    /* That the note is another run's says nothing by itself: it may be one that was before. */
    bool is_later = prepared->knows_before && note->attempt[0] != '\0' &&
                    strcmp(note->attempt, prepared->attempt) != 0 &&
                    strcmp(note->attempt, prepared->before) != 0;
    if (!is_later)
        return settle_lost(prepared, code, error);
    /* A run that came after has settled it, and has written since. */
    log_event(LOG_WARN, "kafka",
              "table `%.*s`: going on from checkpoint %lld, though a later run has written to the "
              "topic: what came after that checkpoint is written again",
              STR_ARGS(table->name), (long long)prepared->checkpoint);
    return OK;
}

Status kafka_settle(SinkWriter *writer, const KafkaPrepared *prepared, Error *error)
{
    KafkaNote note;
    KafkaClient ignored = {0};
    TRY(kafka_client_embed(&ignored, writer->node->sink.table, writer->hub, error));
    TRY(kafka_note_read(writer, prepared->group, note_topic(writer, prepared), &note, error));
    if (strcmp(note.attempt, prepared->attempt) == 0 && note.checkpoint >= prepared->checkpoint)
        return OK;
    return settle_end(writer, prepared, &note, error);
}
