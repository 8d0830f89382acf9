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

enum {
    REQUEST_MS = 10 * 1000,
    END_TRIES = 100,
    END_PAUSE_US = 200 * 1000,
    STABLE_TRIES = 25, /* five seconds: then it is not a commit that is being noted */
};

/* ---- Notes --------------------------------------------------------------------------------- */

static void notes_add(List *notes, Arena *arena, const rd_kafka_topic_partition_list_t *list)
{
    for (int32_t i = 0; i < list->cnt; i++) {
        const rd_kafka_topic_partition_t *item = &list->elems[i];
        /* Others than notes are those of a group that has the name by chance. */
        if (item->partition != 0 || item->offset < 0 || item->metadata == NULL ||
            item->metadata_size != KAFKA_ATTEMPT_BYTES - 1)
            continue;
        KafkaNote *note = ARENA_NEW(arena, KafkaNote);
        note->topic = str_terminated(arena, str_from(item->topic));
        memcpy(note->attempt, item->metadata, item->metadata_size);
        note->checkpoint = item->offset;
        list_append(notes, arena, note);
    }
}

static rd_kafka_resp_err_t answer_take(rd_kafka_event_t *answer, Arena *arena, List *notes)
{
    rd_kafka_resp_err_t code = rd_kafka_event_error(answer);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
        return code;
    size_t count;
    const rd_kafka_group_result_t **groups = rd_kafka_ListConsumerGroupOffsets_result_groups(
        rd_kafka_event_ListConsumerGroupOffsets_result(answer), &count);
    if (count != 1)
        return RD_KAFKA_RESP_ERR__BAD_MSG;
    const rd_kafka_error_t *failed = rd_kafka_group_result_error(groups[0]);
    if (failed != NULL)
        return rd_kafka_error_code(failed);
    const rd_kafka_topic_partition_list_t *list = rd_kafka_group_result_partitions(groups[0]);
    for (int32_t i = 0; i < list->cnt; i++)
        if (list->elems[i].err == RD_KAFKA_RESP_ERR_UNSTABLE_OFFSET_COMMIT)
            return RD_KAFKA_RESP_ERR_UNSTABLE_OFFSET_COMMIT;
    notes_add(notes, arena, list);
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

static rd_kafka_resp_err_t notes_ask(rd_kafka_t *handle, const char *group, bool is_stable,
                                     Arena *arena, List *notes)
{
    rd_kafka_queue_t *queue = rd_kafka_queue_new(handle);
    rd_kafka_AdminOptions_t *options =
        rd_kafka_AdminOptions_new(handle, RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPOFFSETS);
    rd_kafka_error_destroy(
        rd_kafka_AdminOptions_set_require_stable_offsets(options, is_stable ? 1 : 0));
    rd_kafka_ListConsumerGroupOffsets_t *asked = rd_kafka_ListConsumerGroupOffsets_new(group, NULL);
    rd_kafka_ListConsumerGroupOffsets(handle, &asked, 1, options, queue);
    rd_kafka_ListConsumerGroupOffsets_destroy(asked);
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_event_t *answer = rd_kafka_queue_poll(queue, REQUEST_MS);
    rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR__TIMED_OUT;
    if (answer != NULL) {
        code = answer_take(answer, arena, notes);
        rd_kafka_event_destroy(answer);
    }
    rd_kafka_queue_destroy(queue);
    return code;
}

/* The coordinator of a group that is asked for the first time is not ready at once. */
static bool is_moment(rd_kafka_resp_err_t code)
{
    return code == RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS ||
           code == RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE ||
           code == RD_KAFKA_RESP_ERR_NOT_COORDINATOR || code == RD_KAFKA_RESP_ERR__TRANSPORT ||
           code == RD_KAFKA_RESP_ERR_UNSTABLE_OFFSET_COMMIT;
}

Status kafka_notes_read(SinkWriter *writer, const char *group, bool is_stable, Arena *arena,
                        List *out, Error *error)
{
    const PlanTable *table = writer->node->sink.table;
    KafkaClient client = {0};
    kafka_client_init(&client, writer->world);
    client.hub = kafka_hub(table, writer->hub);
    KafkaSetting settings[] = {{"group.id", group, true}, {NULL, NULL, false}};
    *out = (List){0};
    Status status =
        kafka_client_open(&client, writer->arena, RD_KAFKA_CONSUMER, table, settings, error);
    rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR_NO_ERROR;
    for (int32_t i = 0; status == OK && i < END_TRIES; i++) {
        code = notes_ask(client.handle, group, is_stable && i < STABLE_TRIES, arena, out);
        if (!is_moment(code))
            break;
        writer->world->kind->sleep_us(writer->world, END_PAUSE_US);
    }
    if (code == RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED)
        status = fail(error, ERR_PERMISSION, "WR3429", "group '%s' may not be read: %s", group,
                      rd_kafka_err2str(code));
    else if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
        status = kafka_unreachable(&client, rd_kafka_err2str(code), error);
    kafka_client_close(&client);
    return status;
}

bool kafka_attempt_is_in(Str before, const char *attempt)
{
    int64_t length = KAFKA_ATTEMPT_BYTES - 1;
    for (int64_t at = 0; at + length <= before.length; at += length)
        if (memcmp(before.data + at, attempt, (size_t)length) == 0)
            return true;
    return false;
}

static const char *note_topic(SinkWriter *writer, const KafkaPrepared *prepared)
{
    if (prepared->topic[0] != '\0')
        return prepared->topic;
    List named = kafka_topics_named(writer->arena, writer->node->sink.table->options.options);
    return named.count > 0 ? LIST_AT(named, 0, char) : "none";
}

/* Whether what was prepared is committed. */
static bool notes_have(const List *notes, const KafkaPrepared *prepared, const char *topic)
{
    for (int32_t i = 0; i < notes->count; i++) {
        const KafkaNote *note = LIST_AT(*notes, i, KafkaNote);
        if (strcmp(note->topic, topic) == 0 && strcmp(note->attempt, prepared->attempt) == 0 &&
            note->checkpoint >= prepared->checkpoint)
            return true;
    }
    return false;
}

/* Whether a run has committed that is neither the one that prepared it nor, as far as that is
 * known, one before it. */
static bool notes_have_other(const List *notes, const KafkaPrepared *prepared, const char *topic)
{
    for (int32_t i = 0; i < notes->count; i++) {
        const KafkaNote *note = LIST_AT(*notes, i, KafkaNote);
        if ((prepared->known == KAFKA_KNOWS_ALL || strcmp(note->topic, topic) == 0) &&
            strcmp(note->attempt, prepared->attempt) != 0 &&
            !kafka_attempt_is_in(prepared->before, note->attempt))
            return true;
    }
    return false;
}

/* ---- Settling ------------------------------------------------------------------------------ */

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

/* The state is of a version that did not save whose notes stood there: that of another run may be
 * of one before, and the rows are lost, or of one after, which has settled it. */
static Status settle_in_doubt(const SinkWriter *writer, const KafkaPrepared *prepared, Error *error)
{
    const PlanTable *table = writer->node->sink.table;
    if (str_is(options_text(table->options.options, "sink.in-doubt-transaction"), "committed")) {
        log_event(LOG_WARN, "kafka",
                  "table `%.*s`: the transaction of checkpoint %lld is taken for committed, as "
                  "'sink.in-doubt-transaction' says",
                  STR_ARGS(table->name), (long long)prepared->checkpoint);
        return OK;
    }
    Status status =
        fail(error, ERR_LOST, "WR3437",
             "whether the transaction of checkpoint %lld was committed cannot be told: an older "
             "version of weir has saved that checkpoint, and another run was the last to commit",
             (long long)prepared->checkpoint);
    if (error != NULL)
        error_hint(error, "if the topic has the rows up to that checkpoint, set "
                          "'sink.in-doubt-transaction' = 'committed' for this run; else go on from "
                          "an older checkpoint with it, which writes its rows again");
    return status;
}

/* A run that came after has settled it, and has written since. */
static void settled_by_other(const SinkWriter *writer, const KafkaPrepared *prepared)
{
    log_event(LOG_WARN, "kafka",
              "table `%.*s`: going on from checkpoint %lld, though a later run has written to the "
              "topic: what came after that checkpoint is written again",
              STR_ARGS(writer->node->sink.table->name), (long long)prepared->checkpoint);
}

/* The cluster has given the transaction up, or it was committed long ago and forgotten. */
static Status settle_given_up(SinkWriter *writer, const KafkaPrepared *prepared, int32_t code,
                              Arena *arena, Error *error)
{
    List notes;
    const char *topic = note_topic(writer, prepared);
    TRY(kafka_notes_read(writer, prepared->group, true, arena, &notes, error));
    if (notes_have(&notes, prepared, topic))
        return OK;
    if (!notes_have_other(&notes, prepared, topic))
        return settle_lost(prepared, code, error);
    if (prepared->known == KAFKA_KNOWS_NOTHING)
        return settle_in_doubt(writer, prepared, error);
    settled_by_other(writer, prepared);
    return OK;
}

static Status settle_end(SinkWriter *writer, const KafkaPrepared *prepared, Arena *arena,
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
    return settle_given_up(writer, prepared, code, arena, error);
}

Status kafka_settle(SinkWriter *writer, const KafkaPrepared *prepared, Error *error)
{
    KafkaClient ignored = {0};
    TRY(kafka_client_embed(&ignored, writer->node->sink.table, writer->hub, error));
    Arena *arena = arena_new(0);
    List notes;
    Status status = kafka_notes_read(writer, prepared->group, false, arena, &notes, error);
    const char *topic = note_topic(writer, prepared);
    bool is_committed = status == OK && notes_have(&notes, prepared, topic);
    if (status == OK && !is_committed)
        status = settle_end(writer, prepared, arena, error);
    else if (is_committed && prepared->known == KAFKA_KNOWS_ALL &&
             notes_have_other(&notes, prepared, topic))
        settled_by_other(writer, prepared);
    arena_free(arena);
    return status;
}
