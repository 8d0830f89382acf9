/* Exactly once: what is written between two checkpoints is one transaction of the cluster's.
 *
 *     write      into the transaction; readers that are read_committed do not see it
 *     prepare    all of it is in the log; a note with the number of the checkpoint goes into the
 *                same transaction, as an offset of a group of our own; the checkpoint holds who
 *                wrote it, and whose notes stood there when that run began
 *     commit     the checkpoint is durable: the transaction ends
 *
 * What is left open by a crash is one of two things. A transaction that no checkpoint knows is
 * aborted, which happens when a producer of its name begins anew. One that a checkpoint has
 * prepared must be committed, by a process that did not write it: settle.c does, before that. */
#include "connect/kafka/kafka.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"

enum {
    STATE_VERSION = 3,
    STATE_VERSION_ONE_TOPIC = 1,
    STATE_VERSION_BEFORE = 3, /* the first that says whose note stood there before */
    STEP_MS = 500,
    INIT_TRIES = 60,
};

/* ---- The state ----------------------------------------------------------------------------- */

static void prepared_save(const KafkaPrepared *prepared, Buffer *out)
{
    buffer_append_u8(out, STATE_VERSION);
    buffer_append_u64(out, (uint64_t)prepared->checkpoint);
    buffer_append_bytes(out, str_from(prepared->attempt));
    buffer_append_bytes(out, str_from(prepared->transactional_id));
    buffer_append_bytes(out, str_from(prepared->topic));
    buffer_append_u64(out, (uint64_t)prepared->producer_id);
    buffer_append_u32(out, (uint32_t)prepared->producer_epoch);
    buffer_append_bytes(out, str_from(prepared->group));
    buffer_append_u8(out, (uint8_t)prepared->known);
    buffer_append_bytes(out, prepared->before);
}

static bool text_load(ByteReader *reader, char *into, int64_t size)
{
    Str text = byte_reader_bytes(reader);
    if (reader->is_short || text.length >= size)
        return false;
    memcpy(into, text.data, (size_t)text.length);
    into[text.length] = '\0';
    return true;
}

static Status prepared_load(Str state, KafkaPrepared *prepared, Error *error)
{
    ByteReader reader = byte_reader(state);
    uint8_t version = byte_reader_u8(&reader);
    prepared->checkpoint = (int64_t)byte_reader_u64(&reader);
    bool is_good =
        text_load(&reader, prepared->attempt, sizeof prepared->attempt) &&
        text_load(&reader, prepared->transactional_id, sizeof prepared->transactional_id) &&
        (version == STATE_VERSION_ONE_TOPIC ||
         text_load(&reader, prepared->topic, sizeof prepared->topic));
    prepared->producer_id = (int64_t)byte_reader_u64(&reader);
    prepared->producer_epoch = (int32_t)byte_reader_u32(&reader);
    if (version >= STATE_VERSION_BEFORE) {
        is_good = is_good && text_load(&reader, prepared->group, sizeof prepared->group);
        uint8_t known = byte_reader_u8(&reader);
        prepared->known = known > KAFKA_KNOWS_ALL ? KAFKA_KNOWS_NOTHING : (KafkaKnown)known;
        prepared->before = byte_reader_bytes(&reader);
    }
    bool is_known = version >= STATE_VERSION_ONE_TOPIC && version <= STATE_VERSION;
    if (is_good && is_known && !reader.is_short)
        return OK;
    return fail(error, ERR_CORRUPT, "WR3428", "the saved state of a kafka sink cannot be read");
}

/* ---- Opening ------------------------------------------------------------------------------- */

/* The cluster's answer to a call about a transaction. `what` was to be done. */
static Status transaction_failed(rd_kafka_error_t *failed, const char *what, Error *error)
{
    rd_kafka_resp_err_t code = rd_kafka_error_code(failed);
    bool is_fenced = code == RD_KAFKA_RESP_ERR__FENCED ||
                     code == RD_KAFKA_RESP_ERR_PRODUCER_FENCED ||
                     code == RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH;
    bool is_passing = rd_kafka_error_is_retriable(failed) && !rd_kafka_error_is_fatal(failed);
    /* The rows of the transaction are lost to this run: the next one writes them again. */
    bool is_aborted = rd_kafka_error_txn_requires_abort(failed) && !is_fenced;
    Status status = fail(error, is_passing || is_aborted ? ERR_UNAVAILABLE : ERR_INVALID,
                         is_fenced    ? "WR3431"
                         : is_passing ? "WR3423"
                                      : "WR3434",
                         "%s: %s", what, rd_kafka_error_string(failed));
    if (error != NULL) {
        error->is_retriable = is_passing;
        if (is_fenced)
            error_hint(error, "another run writes with the same 'sink.transactional-id-prefix', or "
                              "the transaction took longer than transaction.timeout.ms");
    }
    rd_kafka_error_destroy(failed);
    return status;
}

/* From here on no older producer of this name can do anything, and what it left open is aborted. */
static Status producer_begin_anew(KafkaProducer *producer, Error *error)
{
    rd_kafka_error_t *failed = NULL;
    for (int32_t i = 0; i < INIT_TRIES; i++) {
        failed = rd_kafka_init_transactions(producer->client.handle, STEP_MS);
        if (failed == NULL || !rd_kafka_error_is_retriable(failed))
            break;
        if (atomic_load(&producer->client.is_interrupted)) {
            rd_kafka_error_destroy(failed);
            return ERR_CANCELLED;
        }
        if (i + 1 < INIT_TRIES)
            rd_kafka_error_destroy(failed);
    }
    if (failed != NULL)
        return transaction_failed(failed, "transactions cannot be begun", error);
    while (producer->id < 0 && !atomic_load(&producer->client.is_interrupted))
        rd_kafka_poll(producer->client.handle, STEP_MS);
    return producer->id < 0 ? ERR_CANCELLED : OK;
}

static void transactions_name(KafkaTransactions *transactions)
{
    SinkWriter *writer = transactions->writer;
    Str prefix =
        options_text(writer->node->sink.table->options.options, "sink.transactional-id-prefix");
    snprintf(transactions->name, sizeof transactions->name - 2, "%.*s-%d", STR_ARGS(prefix),
             writer->subtask);
    snprintf(transactions->attempt, sizeof transactions->attempt, "%016llx",
             (unsigned long long)writer->world->kind->random_u64(writer->world));
}

static void producer_name(const char *group, int32_t which, char *out)
{
    snprintf(out, KAFKA_ID_BYTES, "%.*s-%d", KAFKA_ID_BYTES - 4, group, which);
}

static Status producers_begin_anew(KafkaTransactions *transactions, const char *group, Error *error)
{
    for (int32_t i = 0; i < 2; i++) {
        char id[KAFKA_ID_BYTES];
        producer_name(group, i, id);
        kafka_producer_close(&transactions->producers[i]);
        TRY(kafka_producer_open(&transactions->producers[i], transactions->writer, id, error));
        TRY(producer_begin_anew(&transactions->producers[i], error));
    }
    return OK;
}

/* Names that are not used any more: what they have left open would keep readers waiting until it
 * times out. */
static Status leftovers_abort(KafkaTransactions *transactions, const char *group, Error *error)
{
    Status status = producers_begin_anew(transactions, group, error);
    kafka_transactions_close(transactions);
    if (status == OK || status == ERR_CANCELLED || error->is_retriable)
        return status;
    log_event(LOG_WARN, "kafka",
              "table `%.*s`: what was left open as '%s' stays so until it times out: %s",
              STR_ARGS(transactions->writer->node->sink.table->name), group, error->text);
    *error = (Error){0};
    return OK;
}

/* `own`: the group that the table has now; NULL: none. Others are ended: the prefix or the promise
 * was changed, or the state is that of a shard which is no more. */
static Status transactions_settle(KafkaTransactions *transactions, const char *own, Str state,
                                  Error *error)
{
    KafkaPrepared prepared = {0};
    TRY(prepared_load(state, &prepared, error));
    if (prepared.checkpoint != 0) {
        /* An older version did not save it. */
        if (prepared.group[0] == '\0')
            snprintf(prepared.group, sizeof prepared.group, "%.*s",
                     (int)strlen(prepared.transactional_id) - 2, prepared.transactional_id);
        TRY(kafka_settle(transactions->writer, &prepared, error));
    }
    bool is_old = prepared.group[0] != '\0' && (own == NULL || strcmp(own, prepared.group) != 0);
    return is_old ? leftovers_abort(transactions, prepared.group, error) : OK;
}

Status kafka_transactions_end(KafkaTransactions *transactions, SinkWriter *writer, Str state,
                              Error *error)
{
    transactions->writer = writer;
    return transactions_settle(transactions, NULL, state, error);
}

/* Whose notes stand there, at any topic: by a pattern each transaction has its note at the first
 * that it writes. */
static Status before_read(KafkaTransactions *transactions, Error *error)
{
    Arena *arena = arena_new(0);
    List notes;
    SinkWriter *writer = transactions->writer;
    Status status = kafka_notes_read(writer, transactions->name, true, arena, &notes, error);
    Buffer before = {0};
    for (int32_t i = 0; status == OK && i < notes.count; i++) {
        const char *attempt = LIST_AT(notes, i, KafkaNote)->attempt;
        if (!kafka_attempt_is_in(buffer_str(&before), attempt))
            buffer_append_text(&before, attempt);
    }
    transactions->before = str_copy(writer->arena, buffer_str(&before));
    buffer_free(&before);
    arena_free(arena);
    return status;
}

Status kafka_transactions_open(KafkaTransactions *transactions, SinkWriter *writer, Str state,
                               Error *error)
{
    transactions->writer = writer;
    transactions->is_begun = transactions->has_prepared = false;
    transactions_name(transactions);
    if (state.length > 0)
        TRY(transactions_settle(transactions, transactions->name, state, error));
    TRY(producers_begin_anew(transactions, transactions->name, error));
    /* Now that nobody before can commit any more. Also because the coordinator of a group that is
     * asked for the first time is not ready at once, which in the middle of a transaction would be
     * the end of it. */
    return before_read(transactions, error);
}

void kafka_transactions_close(KafkaTransactions *transactions)
{
    for (int32_t i = 0; i < 2; i++)
        kafka_producer_close(&transactions->producers[i]);
}

void kafka_transactions_interrupt(KafkaTransactions *transactions)
{
    for (int32_t i = 0; i < 2; i++)
        kafka_client_interrupt(&transactions->producers[i].client);
}

/* ---- The course of a transaction ----------------------------------------------------------- */

Status kafka_transactions_begin(KafkaTransactions *transactions, KafkaProducer **out, Error *error)
{
    *out = &transactions->producers[transactions->turn];
    if (transactions->is_begun)
        return OK;
    rd_kafka_error_t *failed = rd_kafka_begin_transaction((*out)->client.handle);
    if (failed != NULL)
        return transaction_failed(failed, "a transaction cannot be begun", error);
    transactions->is_begun = true;
    (*out)->noted = (*out)->first != NULL ? (*out)->first->name : NULL;
    return OK;
}

/* In the transaction itself, so that it can be asked later whether it was committed. */
static Status transaction_note(const KafkaTransactions *transactions, KafkaProducer *producer,
                               int64_t checkpoint, Error *error)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_t *note = rd_kafka_topic_partition_list_add(list, producer->noted, 0);
    rd_kafka_consumer_group_metadata_t *group =
        rd_kafka_consumer_group_metadata_new(transactions->name);
    note->metadata_size = strlen(transactions->attempt);
    note->metadata =
        memory_expect(rd_kafka_mem_malloc(producer->client.handle, note->metadata_size));
    memcpy(note->metadata, transactions->attempt, note->metadata_size);
    note->offset = checkpoint;
    rd_kafka_error_t *failed;
    for (;;) {
        failed =
            rd_kafka_send_offsets_to_transaction(producer->client.handle, list, group, STEP_MS);
        if (failed == NULL || rd_kafka_error_code(failed) != RD_KAFKA_RESP_ERR__TIMED_OUT ||
            atomic_load(&producer->client.is_interrupted))
            break;
        rd_kafka_error_destroy(failed);
    }
    rd_kafka_consumer_group_metadata_destroy(group);
    rd_kafka_topic_partition_list_destroy(list);
    return failed == NULL ? OK
                          : transaction_failed(failed, "a transaction cannot be prepared", error);
}

Status kafka_transactions_prepare(KafkaTransactions *transactions, int64_t checkpoint,
                                  Buffer *state, Error *error)
{
    KafkaPrepared prepared = {0};
    KafkaProducer *producer = &transactions->producers[transactions->turn];
    memcpy(prepared.group, transactions->name, sizeof prepared.group);
    memcpy(prepared.attempt, transactions->attempt, sizeof prepared.attempt);
    prepared.before = transactions->before;
    prepared.known = KAFKA_KNOWS_ALL;
    /* What has no message yet goes on behind the checkpoint: there is nothing to be committed. */
    if (transactions->is_begun && producer->noted != NULL) {
        assert(!transactions->has_prepared);
        TRY(kafka_producer_flush(producer, error));
        TRY(transaction_note(transactions, producer, checkpoint, error));
        prepared.checkpoint = checkpoint;
        producer_name(transactions->name, transactions->turn, prepared.transactional_id);
        snprintf(prepared.topic, sizeof prepared.topic, "%s", producer->noted);
        prepared.producer_id = producer->id;
        prepared.producer_epoch = producer->epoch;
        transactions->is_begun = false;
        transactions->has_prepared = true;
        transactions->turn = 1 - transactions->turn;
    }
    prepared_save(&prepared, state);
    return OK;
}

Status kafka_transactions_commit(KafkaTransactions *transactions, Error *error)
{
    if (!transactions->has_prepared)
        return OK;
    KafkaProducer *producer = &transactions->producers[1 - transactions->turn];
    for (;;) {
        rd_kafka_error_t *failed = rd_kafka_commit_transaction(producer->client.handle, STEP_MS);
        if (failed == NULL)
            break;
        bool is_slow = rd_kafka_error_code(failed) == RD_KAFKA_RESP_ERR__TIMED_OUT;
        if (!is_slow)
            return transaction_failed(failed, "a transaction cannot be committed", error);
        rd_kafka_error_destroy(failed);
        /* The next run settles it. */
        if (atomic_load(&producer->client.is_interrupted))
            return ERR_CANCELLED;
    }
    transactions->has_prepared = false;
    return OK;
}
