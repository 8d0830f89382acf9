/* The coordinator of transactions; see the header. */
#include "hub/transactions.h"

#include <assert.h>

#include "base/log.h"
#include "base/map.h"
#include "base/memory.h"
#include "hub/journal.h"

enum { KEY_VERSION = 0, VALUE_VERSION = 0, FORGET_BATCH = 100, RETRY_US = 100 * 1000 };

static const int64_t FORGET_AFTER_MS =
    INT64_C(7) * 86400 * 1000; /* transactional.id.expiration.ms */

struct Transactions {
    World *world;
    Topics *topics;
    Offsets *offsets;
    Arena *arena;
    Journal *journal;
    Map *all;             /* id -> Transaction */
    Transaction **active; /* those that go on or end */
    int32_t active_count, active_capacity;
    int64_t looked_ms; /* for old ids */
    void (*submit)(void *context,
                   TransactionMarker *marker); /* NULL: markers are written at once */
    void *submit_context;
};

static int64_t now_ms(const Transactions *transactions)
{
    return world_now_us(transactions->world) / 1000;
}

static bool is_active(const Transaction *transaction)
{
    return transaction->state == TRANSACTION_ONGOING ||
           transaction->state == TRANSACTION_PREPARE_COMMIT ||
           transaction->state == TRANSACTION_PREPARE_ABORT;
}

static bool is_ending(const Transaction *transaction)
{
    return is_active(transaction) && transaction->state != TRANSACTION_ONGOING;
}

const char *transaction_state_name(TransactionState state)
{
    switch (state) {
    case TRANSACTION_EMPTY: return "Empty";
    case TRANSACTION_ONGOING: return "Ongoing";
    case TRANSACTION_PREPARE_COMMIT: return "PrepareCommit";
    case TRANSACTION_PREPARE_ABORT: return "PrepareAbort";
    case TRANSACTION_COMPLETE_COMMIT: return "CompleteCommit";
    case TRANSACTION_COMPLETE_ABORT: break;
    }
    return "CompleteAbort";
}

/* ---- In memory ------------------------------------------------------------------------------- */

static Transaction *find(const Transactions *transactions, Str id)
{
    return map_find(transactions->all, id);
}

const Transaction *transactions_find(const Transactions *transactions, Str id)
{
    return find(transactions, id);
}

int32_t transactions_count(const Transactions *transactions)
{
    return map_count(transactions->all);
}

const Transaction *transactions_at(const Transactions *transactions, int32_t index)
{
    return map_value_at(transactions->all, index);
}

Partition *transactions_partition(const Transactions *transactions)
{
    return journal_partition(transactions->journal);
}

bool transactions_are_active(const Transactions *transactions)
{
    return transactions->active_count > 0;
}

static Transaction *get(Transactions *transactions, Str id)
{
    Transaction *transaction = find(transactions, id);
    if (transaction != NULL)
        return transaction;
    transaction = ARENA_NEW(transactions->arena, Transaction);
    *transaction = (Transaction){.id = str_terminated(transactions->arena, id),
                                 .producer_id = -1,
                                 .epoch = -1,
                                 .last_epoch = -1,
                                 .last_id = -1};
    map_put(transactions->all, id, transaction);
    return transaction;
}

/* In the list of active ones if it is, and only then. */
static void list_if_active(Transactions *transactions, Transaction *transaction)
{
    int32_t at = 0;
    while (at < transactions->active_count && transactions->active[at] != transaction)
        at++;
    bool is_there = at < transactions->active_count;
    if (is_there && !is_active(transaction)) {
        transactions->active[at] = transactions->active[--transactions->active_count];
    } else if (!is_there && is_active(transaction)) {
        if (transactions->active_count == transactions->active_capacity) {
            transactions->active_capacity =
                transactions->active_capacity == 0 ? 8 : transactions->active_capacity * 2;
            transactions->active =
                memory_resize(transactions->active,
                              (int64_t)sizeof(Transaction *) * transactions->active_capacity);
        }
        transactions->active[transactions->active_count++] = transaction;
    }
}

static const TransactionPartition *find_partition(const Transaction *transaction, Str topic,
                                                  int32_t index)
{
    for (int32_t i = 0; i < transaction->partition_count; i++)
        if (transaction->partitions[i].index == index &&
            str_equal(transaction->partitions[i].topic, topic))
            return &transaction->partitions[i];
    return NULL;
}

static void add_partition(Transaction *transaction, Str topic, int32_t index)
{
    if (transaction->partition_count == transaction->partition_capacity) {
        transaction->partition_capacity =
            transaction->partition_capacity == 0 ? 4 : transaction->partition_capacity * 2;
        transaction->partitions =
            memory_resize(transaction->partitions,
                          (int64_t)sizeof(TransactionPartition) * transaction->partition_capacity);
    }
    char *copy = memory_allocate(topic.length + 1);
    if (topic.length > 0)
        memcpy(copy, topic.data, (size_t)topic.length);
    transaction->partitions[transaction->partition_count++] =
        (TransactionPartition){.topic = str_make(copy, topic.length), .index = index};
}

/* Back to so many. */
static void drop_partitions(Transaction *transaction, int32_t count)
{
    while (transaction->partition_count > count)
        memory_free((char *)transaction->partitions[--transaction->partition_count].topic.data);
}

static void drop_markers(Transaction *transaction)
{
    for (int32_t i = 0; transaction->markers != NULL && i < transaction->partition_count; i++)
        if (transaction->markers[i].partition != NULL)
            partition_release(transaction->markers[i].partition);
    memory_free(transaction->markers);
    transaction->markers = NULL;
}

/* ---- On disk --------------------------------------------------------------------------------- */

static void key_write(Buffer *out, const char *id)
{
    put_number(out, KEY_VERSION, 2);
    put_text(out, str_from(id));
}

/* Kafka's fields, and two of ours behind them, which others do not look at. */
static void value_write(Buffer *out, const Transaction *transaction)
{
    put_number(out, VALUE_VERSION, 2);
    put_number(out, transaction->producer_id, 8);
    put_number(out, transaction->epoch, 2);
    put_number(out, transaction->timeout_ms, 4);
    put_number(out, transaction->state, 1);
    put_number(out, transaction->partition_count, 4);
    for (int32_t i = 0; i < transaction->partition_count; i++) {
        put_text(out, transaction->partitions[i].topic);
        put_number(out, 1, 4);
        put_number(out, transaction->partitions[i].index, 4);
    }
    put_number(out, transaction->updated_ms, 8);
    put_number(out, transaction->started_ms, 8);
    put_number(out, transaction->last_epoch, 2);
    put_number(out, transaction->last_id, 8);
}

static void partitions_read(Transaction *transaction, ByteReader *reader)
{
    for (int64_t topics = take_number(reader, 4); topics > 0 && !reader->is_short; topics--) {
        Str topic = take_text(reader);
        for (int64_t left = take_number(reader, 4); left > 0 && !reader->is_short; left--)
            add_partition(transaction, topic, (int32_t)take_number(reader, 4));
    }
}

/* False: it is cut off, or says what nobody writes. */
static bool value_read(Transaction *transaction, ByteReader *value)
{
    transaction->producer_id = take_number(value, 8);
    transaction->epoch = (int16_t)take_number(value, 2);
    transaction->timeout_ms = (int32_t)take_number(value, 4);
    uint8_t state = (uint8_t)take_number(value, 1);
    transaction->state = (TransactionState)state;
    partitions_read(transaction, value);
    transaction->updated_ms = take_number(value, 8);
    transaction->started_ms = take_number(value, 8);
    transaction->last_epoch = (int16_t)take_number(value, 2);
    /* Older ones do not say it. */
    bool says_id = byte_reader_left(value) > 0;
    transaction->last_id = says_id ? take_number(value, 8) : transaction->producer_id;
    return !value->is_short && state <= TRANSACTION_COMPLETE_ABORT &&
           transaction->timeout_ms >= 0 && transaction->updated_ms >= 0 &&
           transaction->started_ms >= -1;
}

/* It is as we write it: an id is kept as terminated text. */
static bool key_is_ours(Str key, Str id)
{
    Arena *arena = arena_new(0);
    Buffer again = {0};
    key_write(&again, str_terminated(arena, id));
    bool is_ours = str_equal(buffer_str(&again), key);
    buffer_free(&again);
    arena_free(arena);
    return is_ours;
}

static void free_partitions(Transaction *transaction)
{
    drop_partitions(transaction, 0);
    memory_free(transaction->partitions);
    transaction->partitions = NULL;
    transaction->partition_capacity = 0;
}

/* A record of another version is not ours, and whoever may write to the topic can write anything:
 * what is no record is left out. */
static void take_record(void *context, const BatchHeader *header, const Record *record)
{
    (void)header;
    Transactions *transactions = context;
    ByteReader key = byte_reader(record->key), value = byte_reader(record->value);
    if (take_number(&key, 2) != KEY_VERSION)
        return;
    Str id = take_text(&key);
    if (key.is_short || !key_is_ours(record->key, id) ||
        (record->has_value && take_number(&value, 2) != VALUE_VERSION))
        return;
    Transaction read = {0};
    if (record->has_value && !value_read(&read, &value)) {
        free_partitions(&read);
        return;
    }
    Transaction *transaction = get(transactions, id);
    free_partitions(transaction);
    if (!record->has_value) {
        map_remove(transactions->all, id);
        return;
    }
    read.id = transaction->id;
    *transaction = read;
}

/* Write what it is to become. */
static Status write_record(Transactions *transactions, Transaction *transaction, Error *error)
{
    Buffer key = {0}, value = {0};
    key_write(&key, transaction->id);
    value_write(&value, transaction);
    journal_begin(transactions->journal, -1, -1);
    journal_add(transactions->journal, buffer_str(&key), buffer_str(&value));
    int64_t end_offset;
    Status status = journal_write(transactions->journal, &end_offset, error);
    if (status == OK)
        transaction->written_end = end_offset;
    buffer_free(&key);
    buffer_free(&value);
    return status;
}

/* It becomes `next`, if that can be written. */
static Status become(Transactions *transactions, Transaction *transaction, const Transaction *next,
                     Error *error)
{
    Transaction before = *transaction;
    *transaction = *next;
    transaction->updated_ms = now_ms(transactions);
    Status status = write_record(transactions, transaction, error);
    if (status != OK)
        *transaction = before;
    list_if_active(transactions, transaction);
    return status;
}

/* ---- Life ------------------------------------------------------------------------------------ */

Status transactions_open(World *world, Topics *topics, Offsets *offsets, Transactions **out,
                         Error *error)
{
    Arena *arena = arena_new(0);
    Transactions *transactions = ARENA_NEW(arena, Transactions);
    *transactions = (Transactions){.world = world,
                                   .topics = topics,
                                   .offsets = offsets,
                                   .arena = arena,
                                   .all = map_new(arena)};
    Status status = journal_open(world, topics, TRANSACTIONS_TOPIC, &transactions->journal, error);
    if (status == OK)
        status = journal_read(transactions->journal, take_record, transactions, error);
    /* What was read may not be durable yet, where the topic is set so. */
    for (int32_t i = 0; status == OK && i < map_count(transactions->all); i++) {
        Transaction *transaction = map_value_at(transactions->all, i);
        transaction->written_end = journal_end(transactions->journal);
        for (int32_t j = 0; j < transaction->partition_count; j++)
            transaction->partitions[j].written_end = transaction->written_end;
        list_if_active(transactions, transaction);
    }
    *out = status == OK ? transactions : NULL;
    if (status != OK)
        transactions_free(transactions);
    return status;
}

void transactions_free(Transactions *transactions)
{
    if (transactions == NULL)
        return;
    for (int32_t i = 0; i < map_count(transactions->all); i++) {
        Transaction *transaction = map_value_at(transactions->all, i);
        drop_markers(transaction);
        free_partitions(transaction);
    }
    memory_free(transactions->active);
    journal_free(transactions->journal);
    arena_free(transactions->arena);
}

/* ---- What producers ask ---------------------------------------------------------------------- */

/* Its producer may still name `last_epoch`; -1: it has to name itself anew. The last epoch, which
 * logs of older hubs may name as the present one, stays until it has ended: then the id is another
 * one. */
static void take_epoch_away(Transaction *next, int16_t last_epoch)
{
    next->last_id = next->producer_id;
    next->last_epoch = last_epoch;
    if (next->epoch < INT16_MAX)
        next->epoch++;
}

static Status decide(Transactions *transactions, Transaction *transaction, bool is_commit,
                     bool renews, Error *error)
{
    Transaction next = *transaction;
    next.state = is_commit ? TRANSACTION_PREPARE_COMMIT : TRANSACTION_PREPARE_ABORT;
    if (transaction->state != TRANSACTION_ONGOING)
        next.started_ms = now_ms(transactions);
    if (renews)
        take_epoch_away(&next, next.epoch);
    return become(transactions, transaction, &next, error);
}

/* Abort with an epoch that its producer does not have; it may go on if it names `last_epoch`. */
static Status fence(Transactions *transactions, Transaction *transaction, int16_t last_epoch,
                    Error *error)
{
    Transaction next = *transaction;
    next.state = TRANSACTION_PREPARE_ABORT;
    take_epoch_away(&next, last_epoch);
    return become(transactions, transaction, &next, error);
}

static bool is_now(const Transaction *transaction, const TransactionProducer *asks)
{
    return asks->producer_id == transaction->producer_id && asks->epoch == transaction->epoch;
}

/* It was until its transaction ended or its time was over, and nobody has come since. */
static bool was_before(const Transaction *transaction, const TransactionProducer *asks)
{
    return transaction->last_epoch >= 0 && asks->producer_id == transaction->last_id &&
           asks->epoch == transaction->last_epoch;
}

bool transaction_goes_on(const Transaction *transaction, const TransactionProducer *ended)
{
    return !is_active(transaction) && transaction->state != TRANSACTION_EMPTY &&
           (is_now(transaction, ended) || was_before(transaction, ended));
}

/* The epochs of a producer id end; one is kept for whoever fences the last. */
static Status next_epoch(Transactions *transactions, Transaction *next, Error *error)
{
    if (next->producer_id >= 0 && next->epoch < INT16_MAX - 1) {
        next->epoch++;
        return OK;
    }
    next->epoch = 0;
    return topics_next_producer_id(transactions->topics, &next->producer_id, error);
}

Status transactions_init(Transactions *transactions, const TransactionProducer *asks,
                         int32_t timeout_ms, TransactionAnswer *out, Error *error)
{
    Transaction *transaction = get(transactions, asks->id);
    bool is_named = asks->producer_id >= 0;
    *out = (TransactionAnswer){.verdict = TRANSACTION_FENCED, .transaction = transaction};
    if (is_named && transaction->producer_id >= 0 && !is_now(transaction, asks) &&
        !was_before(transaction, asks))
        return OK;
    out->verdict = TRANSACTION_BUSY;
    if (is_ending(transaction))
        return OK;
    if (transaction->state == TRANSACTION_ONGOING)
        return fence(transactions, transaction, is_named ? asks->epoch : -1, error);
    out->verdict = TRANSACTION_GOOD;
    /* It asks again, as it has not heard the answer; or its time was over. */
    bool is_again =
        is_named && was_before(transaction, asks) && transaction->state == TRANSACTION_EMPTY;
    if (is_again)
        return OK;
    Transaction next = *transaction;
    next.state = TRANSACTION_EMPTY;
    next.timeout_ms = timeout_ms;
    next.last_id = is_named ? asks->producer_id : -1;
    next.last_epoch = is_named ? asks->epoch : -1;
    TRY(next_epoch(transactions, &next, error));
    return become(transactions, transaction, &next, error);
}

static TransactionVerdict judge(const Transaction *transaction, const TransactionProducer *asks)
{
    if (transaction == NULL || asks->producer_id < 0 ||
        transaction->producer_id != asks->producer_id)
        return TRANSACTION_UNKNOWN;
    return is_now(transaction, asks) ? TRANSACTION_GOOD : TRANSACTION_FENCED;
}

static int32_t add_partitions(Transaction *transaction, const TransactionPartition *partitions,
                              int32_t count)
{
    int32_t before = transaction->partition_count;
    for (int32_t i = 0; i < count; i++)
        if (find_partition(transaction, partitions[i].topic, partitions[i].index) == NULL)
            add_partition(transaction, partitions[i].topic, partitions[i].index);
    return transaction->partition_count - before;
}

Status transactions_add(Transactions *transactions, const TransactionProducer *asks,
                        const TransactionPartition *partitions, int32_t count,
                        TransactionAnswer *out, Error *error)
{
    Transaction *transaction = find(transactions, asks->id);
    *out = (TransactionAnswer){.verdict = judge(transaction, asks), .transaction = transaction};
    if (out->verdict == TRANSACTION_GOOD && is_ending(transaction))
        out->verdict = TRANSACTION_BUSY;
    if (out->verdict != TRANSACTION_GOOD)
        return OK;
    int32_t before = transaction->partition_count;
    bool is_new = transaction->state != TRANSACTION_ONGOING;
    if (add_partitions(transaction, partitions, count) == 0 && !is_new)
        return OK;
    Transaction next = *transaction;
    next.state = TRANSACTION_ONGOING;
    next.started_ms = is_new ? now_ms(transactions) : transaction->started_ms;
    next.last_epoch = -1;
    Status status = become(transactions, transaction, &next, error);
    if (status != OK)
        drop_partitions(transaction, before);
    for (int32_t i = before; i < transaction->partition_count; i++)
        transaction->partitions[i].written_end = transaction->written_end;
    return status;
}

Status transactions_end(Transactions *transactions, const TransactionProducer *asks, bool is_commit,
                        bool renews, TransactionAnswer *out, Error *error)
{
    Transaction *transaction = find(transactions, asks->id);
    *out = (TransactionAnswer){.verdict = judge(transaction, asks), .transaction = transaction};
    bool is_again = renews && transaction != NULL && was_before(transaction, asks);
    if (out->verdict != TRANSACTION_GOOD && !is_again)
        return OK;
    TransactionState done = is_commit ? TRANSACTION_COMPLETE_COMMIT : TRANSACTION_COMPLETE_ABORT;
    TransactionState ends = is_commit ? TRANSACTION_PREPARE_COMMIT : TRANSACTION_PREPARE_ABORT;
    TransactionState state = transaction->state;
    out->ended_count = transaction->ended_count;
    if (is_again)
        out->verdict = state == done || state == ends ? TRANSACTION_GOOD : TRANSACTION_FENCED;
    if (out->verdict != TRANSACTION_GOOD || (state == done && (is_again || !renews)))
        return OK;
    out->ended_count++;
    if (state == ends)
        return OK;
    bool has_not_begun = renews && !is_commit && !is_active(transaction);
    if (state == TRANSACTION_ONGOING || has_not_begun)
        return decide(transactions, transaction, is_commit, renews, error);
    out->verdict = TRANSACTION_WRONG_STATE;
    return OK;
}

TransactionVerdict transactions_judge(const Transactions *transactions,
                                      const TransactionProducer *asks, Str topic, int32_t index)
{
    const Transaction *transaction = find(transactions, asks->id);
    TransactionVerdict verdict = judge(transaction, asks);
    if (verdict != TRANSACTION_GOOD)
        return verdict;
    const TransactionPartition *partition = find_partition(transaction, topic, index);
    if (transaction->state != TRANSACTION_ONGOING || partition == NULL)
        return TRANSACTION_WRONG_STATE;
    return journal_is_durable(transactions->journal, partition->written_end) ? TRANSACTION_GOOD
                                                                             : TRANSACTION_PENDING;
}

/* ---- Ending ---------------------------------------------------------------------------------- */

void transactions_set_submit(Transactions *transactions,
                             void (*submit)(void *context, TransactionMarker *marker),
                             void *context)
{
    transactions->submit = submit;
    transactions->submit_context = context;
}

static void append_marker(TransactionMarker *marker)
{
    Appended appended;
    marker->status =
        partition_end_transaction(marker->partition, marker->producer_id, marker->epoch,
                                  marker->is_commit, &appended, &marker->error);
    marker->end_offset = appended.end_offset;
}

/* What its transaction has committed of offsets counts now, or never. */
static void settle_marker(TransactionMarker *marker)
{
    if (marker->status == OK && marker->is_of_offsets)
        offsets_end_transaction(marker->transactions->offsets, marker->producer_id,
                                marker->is_commit);
    marker->is_done = true;
}

void transaction_marker_write(TransactionMarker *marker)
{
    Topics *topics = marker->transactions->topics;
    append_marker(marker);
    topics_lock(topics);
    settle_marker(marker);
    topics_unlock(topics);
}

/* What is to be written, and where; no partition if that is gone, and its records with it. */
static Status prepare_marker(Transactions *transactions, const Transaction *transaction,
                             int32_t index, TransactionMarker *marker, Error *error)
{
    const TransactionPartition *one = &transaction->partitions[index];
    Topic *topic = topics_find(transactions->topics, one->topic);
    *marker = (TransactionMarker){.transactions = transactions,
                                  .is_of_offsets = str_is(one->topic, OFFSETS_TOPIC),
                                  .producer_id = transaction->producer_id,
                                  .epoch = transaction->epoch,
                                  .is_commit = transaction->state == TRANSACTION_PREPARE_COMMIT};
    if (topic == NULL || one->index < 0 || one->index >= topic->partition_count)
        return OK;
    TRY(topics_partition(transactions->topics, topic, one->index, &marker->partition, error));
    partition_hold(marker->partition);
    return OK;
}

static void submit_marker(Transactions *transactions, TransactionMarker *marker)
{
    marker->is_submitted = true;
    if (marker->partition == NULL) {
        marker->is_done = true;
    } else if (transactions->submit != NULL) {
        transactions->submit(transactions->submit_context, marker);
    } else {
        append_marker(marker);
        settle_marker(marker);
    }
}

/* Whether it is written, or does not have to be. One that could not be is tried again. */
static bool write_marker(Transactions *transactions, Transaction *transaction, int32_t index)
{
    TransactionMarker *marker = &transaction->markers[index];
    Error error = {0};
    Status status = OK;
    if (!marker->is_submitted && world_monotonic_us(transactions->world) < transaction->retry_us)
        return false;
    if (!marker->is_submitted) {
        status = prepare_marker(transactions, transaction, index, marker, &error);
        if (status == OK)
            submit_marker(transactions, marker);
    }
    if (status == OK && !marker->is_done)
        return false;
    if (status == OK && marker->status == OK)
        return true;
    if (!transaction->has_complained)
        log_event(LOG_WARN, "hub", "transaction `%s` cannot end yet: %s", transaction->id,
                  status == OK ? marker->error.text : error.text);
    transaction->has_complained = true;
    if (status == OK)
        partition_release(marker->partition);
    *marker = (TransactionMarker){0};
    transaction->retry_us = world_monotonic_us(transactions->world) + RETRY_US;
    return false;
}

/* Those that are not written yet. Whether all are. */
static bool write_markers(Transactions *transactions, Transaction *transaction)
{
    if (transaction->markers == NULL)
        transaction->markers = memory_allocate_zeroed((int64_t)sizeof(TransactionMarker) *
                                                      (transaction->partition_count + 1));
    bool are_written = true;
    for (int32_t i = 0; i < transaction->partition_count; i++)
        are_written = write_marker(transactions, transaction, i) && are_written;
    return are_written;
}

static bool markers_are_durable(Transaction *transaction)
{
    for (int32_t i = 0; i < transaction->partition_count; i++) {
        TransactionMarker *marker = &transaction->markers[i];
        if (marker->partition == NULL)
            continue;
        PartitionOffsets offsets;
        partition_offsets(marker->partition, &offsets);
        if (offsets.durable_end < marker->end_offset)
            return false;
        partition_release(marker->partition);
        marker->partition = NULL;
    }
    return true;
}

static Status complete(Transactions *transactions, Transaction *transaction, Error *error)
{
    int32_t count = transaction->partition_count;
    Transaction next = *transaction;
    next.state = transaction->state == TRANSACTION_PREPARE_COMMIT ? TRANSACTION_COMPLETE_COMMIT
                                                                  : TRANSACTION_COMPLETE_ABORT;
    next.partition_count = 0;
    next.has_complained = false;
    next.ended_count++;
    /* Its producer has no epoch left to go on with. */
    if (next.epoch == INT16_MAX)
        TRY(next_epoch(transactions, &next, error));
    TRY(become(transactions, transaction, &next, error));
    transaction->partition_count = count;
    drop_markers(transaction);
    drop_partitions(transaction, 0);
    return OK;
}

/* One step further, or as many as can be; whether it has ended. */
static bool advance(Transactions *transactions, Transaction *transaction)
{
    Error error = {0};
    if (transaction->state == TRANSACTION_ONGOING) {
        bool is_over = now_ms(transactions) - transaction->started_ms > transaction->timeout_ms;
        if (is_over && fence(transactions, transaction, transaction->epoch, &error) == OK)
            log_event(LOG_INFO, "hub", "transaction `%s` is aborted: its time is over",
                      transaction->id);
        return false;
    }
    return journal_is_durable(transactions->journal, transaction->written_end) &&
           write_markers(transactions, transaction) && markers_are_durable(transaction) &&
           complete(transactions, transaction, &error) == OK;
}

/* Ids that nobody has used for long. */
static void forget_old(Transactions *transactions)
{
    static const int64_t LOOK_EVERY_MS = 60 * 1000;
    int64_t now = now_ms(transactions);
    if (now - transactions->looked_ms < LOOK_EVERY_MS)
        return;
    transactions->looked_ms = now;
    Transaction *old[FORGET_BATCH];
    int32_t count = 0;
    journal_begin(transactions->journal, -1, -1);
    for (int32_t i = 0; i < map_count(transactions->all) && count < FORGET_BATCH; i++) {
        Transaction *transaction = map_value_at(transactions->all, i);
        if (is_active(transaction) || now - transaction->updated_ms <= FORGET_AFTER_MS)
            continue;
        Buffer key = {0};
        key_write(&key, transaction->id);
        journal_add(transactions->journal, buffer_str(&key), (Str){0});
        buffer_free(&key);
        old[count++] = transaction;
    }
    Error error = {0};
    int64_t end_offset;
    if (journal_write(transactions->journal, &end_offset, &error) != OK)
        return;
    for (int32_t i = 0; i < count; i++) {
        free_partitions(old[i]);
        map_remove(transactions->all, str_from(old[i]->id));
    }
}

bool transactions_advance(Transactions *transactions)
{
    bool has_changed = false;
    for (int32_t i = transactions->active_count - 1; i >= 0; i--)
        has_changed |= advance(transactions, transactions->active[i]);
    forget_old(transactions);
    return has_changed;
}
