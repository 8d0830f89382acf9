/* Transactions of the hub in a simulated world: the power goes, or the process dies, at each change
 * of the disk in turn; what was committed is in all partitions and in the offsets, what was aborted
 * or left is in none, and nothing stays open. Half of the producers use transactions of version 2:
 * they add nothing by themselves, go on with another epoch, and ask again after a crash; and what
 * comes late of a transaction that has ended is refused. In half of the trials the topics are
 * compacted, and starts find no snapshots of producers.
 *
 * Usage: hub_sim [--trials N] [--seed S]
 *
 * Each change of a run is met before and after, by a power cut and by a dead process; then the next
 * seed gives another run. Without --trials that is done for one seed. */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/random.h"
#include "hub/transactions.h"
#include "log/record.h"
#include "sim/world.h"

enum { MARKERS_MAX = 64 };
enum { PARTITIONS = 2, IDS = 2, STEPS = 14, TRANSACTIONS_MAX = 256, TURNS_MAX = 60 };

typedef enum Fate { FATE_LEFT, FATE_ASKED, FATE_COMMITTED, FATE_ABORTED } Fate;

/* A producer as it knows itself, and the model of what it was told. */
typedef struct Writer {
    const char *id;
    int64_t producer_id;
    int16_t epoch;
    int32_t sequence[PARTITIONS];
    bool renews;   /* its transactions are of version 2 */
    int32_t asked; /* the one whose end it has asked for and not heard of; -1: none */
    bool asked_commit;
} Writer;

typedef struct Written {
    int32_t writer;
    Fate fate;
} Written;

typedef struct Trial {
    SimWorld *world;
    uint64_t chance;
    Topics *topics;
    Offsets *offsets;
    Transactions *transactions;
    TransactionMarker *markers[MARKERS_MAX]; /* on their way, in their order */
    int32_t marker_count;
    bool markers_wait; /* they are written later, as the hub does it */
    bool compacts;
    Writer writers[IDS];
    Written written[TRANSACTIONS_MAX];
    int32_t count;
    char wrong[4096];
} Trial;

static bool is_off(const Trial *trial)
{
    return trial->world->is_off || trial->wrong[0] != '\0';
}

static void wrong(Trial *trial, const char *text, int64_t number)
{
    if (trial->wrong[0] == '\0' && !trial->world->is_off)
        snprintf(trial->wrong, sizeof trial->wrong, "%s: %" PRId64, text, number);
}

/* A failure without a power cut is one of ours. */
static bool is_good(Trial *trial, Status status, const Error *error)
{
    if (status != OK && !trial->world->is_off && trial->wrong[0] == '\0')
        snprintf(trial->wrong, sizeof trial->wrong, "%s %s", status_name(status), error->text);
    return status == OK;
}

/* ---- A process ------------------------------------------------------------------------------- */

static void submit_marker(void *context, TransactionMarker *marker)
{
    Trial *trial = context;
    assert(trial->marker_count < MARKERS_MAX);
    trial->markers[trial->marker_count++] = marker;
}

/* Some of those that are on their way are written. */
static void write_markers(Trial *trial)
{
    int32_t count = (int32_t)random_below(&trial->chance, trial->marker_count + 1), done = 0;
    while (done < count && !is_off(trial))
        transaction_marker_write(trial->markers[done++]);
    trial->marker_count -= done;
    memmove(trial->markers, trial->markers + done,
            sizeof trial->markers[0] * (size_t)trial->marker_count);
}

/* `number` counts the topic's partitions, then that of the offsets. */
static Partition *open_compacted(Trial *trial, int32_t number)
{
    Error error = {0};
    Partition *opened = NULL;
    Topic *topic =
        topics_find(trial->topics, number < PARTITIONS ? STR("t") : STR("__consumer_offsets"));
    bool is_open =
        topic != NULL &&
        is_good(trial, topics_partition(trial->topics, topic, number % PARTITIONS, &opened, &error),
                &error);
    return is_open ? opened : NULL;
}

/* One segment after the other, so that there is something to compact. */
static void begin_compacting(Trial *trial)
{
    PartitionConfig config = partition_config_default;
    config.is_compacted = true;
    config.is_deleted = false;
    config.retention_ms = -1;
    config.segment_bytes = 600;
    config.delete_retention_ms = -1;
    for (int32_t i = 0; trial->compacts && i <= PARTITIONS && !is_off(trial); i++) {
        Partition *opened = open_compacted(trial, i);
        if (opened != NULL)
            partition_set_config(opened, &config);
    }
}

static void compact(Trial *trial)
{
    Error error = {0};
    int32_t number = (int32_t)random_below(&trial->chance, PARTITIONS + 1);
    Partition *opened = trial->compacts ? open_compacted(trial, number) : NULL;
    if (opened != NULL && !is_off(trial))
        is_good(trial, partition_compact(opened, &error), &error);
}

static void lose_snapshots(Trial *trial)
{
    Arena *arena = arena_new(0);
    List paths = {0};
    disk_list_files(trial->world->disk, arena, &paths);
    for (int32_t i = 0; i < paths.count; i++)
        if (str_has_suffix(str_from(LIST_AT(paths, i, const char)), STR(".producers")))
            disk_unlink(trial->world->disk, LIST_AT(paths, i, const char));
    arena_free(arena);
}

/* What is durable moves on, in either order: nothing may rely on a sync in between. */
static void turn(Trial *trial)
{
    Error error = {0};
    if (random_below(&trial->chance, 2) == 0 && !is_off(trial))
        transactions_advance(trial->transactions);
    if (!is_off(trial))
        write_markers(trial);
    is_good(trial, log_flush(topics_log(trial->topics), &error), &error);
    if (!is_off(trial))
        transactions_advance(trial->transactions);
    if (!is_off(trial))
        compact(trial);
}

static void begin_process(Trial *trial)
{
    Error error = {0};
    Topic *topic;
    if (!is_good(trial,
                 topics_open(&trial->world->base, "data", &(LogOptions){0}, &trial->topics, &error),
                 &error))
        return;
    bool is_new = topics_find(trial->topics, STR("t")) == NULL;
    if (is_new &&
        !is_good(trial,
                 topics_create(trial->topics, STR("t"), PARTITIONS, &(List){0}, &topic, &error),
                 &error))
        return;
    if (is_good(trial, offsets_open(&trial->world->base, trial->topics, &trial->offsets, &error),
                &error))
        is_good(trial,
                transactions_open(&trial->world->base, trial->topics, trial->offsets,
                                  &trial->transactions, &error),
                &error);
    if (!is_off(trial) && trial->markers_wait)
        transactions_set_submit(trial->transactions, submit_marker, trial);
    begin_compacting(trial);
}

/* As it is: nothing more comes to the disk. */
static void end_process(Trial *trial)
{
    trial->world->is_off = true;
    trial->marker_count = 0;
    transactions_free(trial->transactions);
    offsets_free(trial->offsets);
    if (trial->topics != NULL) {
        Status closed = topics_close(trial->topics, NULL);
        (void)closed;
    }
    trial->transactions = NULL;
    trial->offsets = NULL;
    trial->topics = NULL;
}

/* ---- What producers do ----------------------------------------------------------------------- */

static TransactionProducer asks(const Writer *writer)
{
    return (TransactionProducer){str_from(writer->id), writer->producer_id, writer->epoch};
}

static void begin_epoch(Writer *writer, const Transaction *transaction)
{
    writer->producer_id = transaction->producer_id;
    writer->epoch = transaction->epoch;
    writer->asked = -1;
    memset(writer->sequence, 0, sizeof writer->sequence);
}

/* Take the id over: what was open under it is aborted first. */
static void take_over(Trial *trial, Writer *writer)
{
    Error error = {0};
    TransactionAnswer answer = {.verdict = TRANSACTION_BUSY};
    TransactionProducer unnamed = {str_from(writer->id), -1, -1};
    for (int32_t i = 0; i < TURNS_MAX && answer.verdict == TRANSACTION_BUSY && !is_off(trial);
         i++) {
        if (!is_good(trial,
                     transactions_init(trial->transactions, &unnamed, 60000, &answer, &error),
                     &error))
            return;
        turn(trial);
    }
    if (is_off(trial))
        return;
    if (answer.verdict != TRANSACTION_GOOD) {
        wrong(trial, "an id cannot be taken over", answer.verdict);
        return;
    }
    begin_epoch(writer, answer.transaction);
    writer->renews = random_below(&trial->chance, 2) == 0;
}

/* A batch of one number; whether the partition took it. */
static bool append_as(Trial *trial, const Writer *writer, int32_t partition, int32_t sequence,
                      int32_t number)
{
    Error error = {0};
    Partition *opened;
    Topic *topic = topics_find(trial->topics, STR("t"));
    if (!is_good(trial, topics_partition(trial->topics, topic, partition, &opened, &error), &error))
        return false;
    char value[16];
    snprintf(value, sizeof value, "%d", number);
    BatchHeader like = {.attributes = BATCH_IS_TRANSACTIONAL,
                        .producer_id = writer->producer_id,
                        .producer_epoch = writer->epoch,
                        .base_sequence = sequence};
    Buffer batch = {0};
    BatchWriter out;
    batch_begin(&out, &batch, &like);
    batch_add(&out, &(Record){.has_key = true,
                              .has_value = true,
                              .key = str_from(value),
                              .value = str_from(value)});
    batch_finish(&out);
    Appended appended = {0};
    bool is_done = is_good(
        trial, partition_append(opened, batch.data, batch.length, &appended, &error), &error);
    buffer_free(&batch);
    return is_done && appended.verdict == APPEND_DONE;
}

static const TransactionPartition targets[] = {
    {.topic = {"t", 1}, .index = 0},
    {.topic = {"t", 1}, .index = 1},
    {.topic = {OFFSETS_TOPIC, sizeof OFFSETS_TOPIC - 1}}};

/* It may write there as soon as it is known that the partition belongs to its transaction. */
static void wait_for_turn(Trial *trial, const Writer *writer, const TransactionPartition *target)
{
    TransactionProducer producer = asks(writer);
    TransactionVerdict verdict = TRANSACTION_PENDING;
    for (int32_t i = 0; i < TURNS_MAX && verdict == TRANSACTION_PENDING && !is_off(trial); i++) {
        verdict = transactions_judge(trial->transactions, &producer, target->topic, target->index);
        if (verdict == TRANSACTION_PENDING)
            turn(trial);
    }
    if (verdict != TRANSACTION_GOOD)
        wrong(trial, "a transaction may not write", verdict);
}

static void append(Trial *trial, Writer *writer, int32_t partition, int32_t number)
{
    wait_for_turn(trial, writer, &targets[partition]);
    if (is_off(trial))
        return;
    if (!append_as(trial, writer, partition, writer->sequence[partition]++, number))
        wrong(trial, "a batch was refused", number);
}

/* Of a transaction that has ended: neither the coordinator nor the partition takes it. */
static void append_late(Trial *trial, const Writer *before, int32_t number)
{
    TransactionProducer producer = asks(before);
    for (int32_t p = 0; p < PARTITIONS && !is_off(trial); p++) {
        TransactionVerdict verdict =
            transactions_judge(trial->transactions, &producer, STR("t"), p);
        if (verdict == TRANSACTION_GOOD || verdict == TRANSACTION_PENDING)
            wrong(trial, "a late batch may be written", number);
        if (append_as(trial, before, p, before->sequence[p], number))
            wrong(trial, "a late batch was taken", number);
    }
}

static void commit_offset(Trial *trial, const Writer *writer, int32_t number)
{
    Error error = {0};
    int64_t end_offset;
    wait_for_turn(trial, writer, &targets[PARTITIONS]);
    if (is_off(trial))
        return;
    CommittedOffset offset = {.group = STR("g"),
                              .topic = STR("t"),
                              .partition = (int32_t)(writer - trial->writers),
                              .offset = number};
    is_good(trial,
            offsets_commit(trial->offsets, (CommitProducer){writer->producer_id, writer->epoch},
                           &offset, 1, &end_offset, &error),
            &error);
}

/* They are to be part of the transaction. */
static void add(Trial *trial, const Writer *writer, int32_t first, int32_t count)
{
    Error error = {0};
    TransactionAnswer answer;
    TransactionProducer producer = asks(writer);
    if (!is_good(trial,
                 transactions_add(trial->transactions, &producer, targets + first, count, &answer,
                                  &error),
                 &error))
        return;
    if (answer.verdict != TRANSACTION_GOOD)
        wrong(trial, "a transaction cannot begin", answer.verdict);
}

static void write_all(Trial *trial, Writer *writer, int32_t number)
{
    if (!writer->renews)
        add(trial, writer, 0, PARTITIONS + 1);
    for (int32_t p = 0; p < PARTITIONS && !is_off(trial); p++) {
        if (writer->renews)
            add(trial, writer, p, 1);
        if (!is_off(trial))
            append(trial, writer, p, number);
    }
    if (writer->renews && !is_off(trial))
        add(trial, writer, PARTITIONS, 1);
    if (!is_off(trial))
        commit_offset(trial, writer, number);
}

/* Ask for the end, until it is there; who goes on then. */
static const Transaction *ask_end(Trial *trial, const Writer *writer, bool is_commit)
{
    Error error = {0};
    TransactionAnswer answer;
    TransactionProducer producer = asks(writer);
    if (!is_good(trial,
                 transactions_end(trial->transactions, &producer, is_commit, writer->renews,
                                  &answer, &error),
                 &error))
        return NULL;
    if (answer.verdict != TRANSACTION_GOOD) {
        wrong(trial, "a transaction cannot end", answer.verdict);
        return NULL;
    }
    for (int32_t i = 0; i < TURNS_MAX && !is_off(trial); i++) {
        if (answer.transaction->ended_count >= answer.ended_count)
            return answer.transaction;
        turn(trial);
    }
    wrong(trial, "a transaction does not end", is_commit);
    return NULL;
}

/* The answer has come: a producer of version 2 goes on with what is in it. */
static void note_end(Trial *trial, Writer *writer, const Transaction *transaction, bool is_commit)
{
    trial->written[writer->asked].fate = is_commit ? FATE_COMMITTED : FATE_ABORTED;
    Writer before = *writer;
    writer->asked = -1;
    if (!writer->renews)
        return;
    TransactionProducer producer = asks(writer);
    if (!transaction_goes_on(transaction, &producer) || transaction->epoch != before.epoch + 1)
        wrong(trial, "a producer cannot go on", transaction->epoch);
    begin_epoch(writer, transaction);
    if (random_below(&trial->chance, 2) == 0)
        append_late(trial, &before, trial->count);
}

static void end(Trial *trial, Writer *writer, int32_t number, bool is_commit)
{
    trial->written[number].fate = is_commit ? FATE_ASKED : FATE_ABORTED;
    writer->asked = number;
    writer->asked_commit = is_commit;
    const Transaction *transaction = ask_end(trial, writer, is_commit);
    /* The answer is lost, and it asks again. */
    if (transaction != NULL && random_below(&trial->chance, 4) == 0)
        transaction = ask_end(trial, writer, is_commit);
    if (transaction != NULL)
        note_end(trial, writer, transaction, is_commit);
}

/* A producer of version 2 outlives the hub: it asks again for the end that it has not heard of. */
static void ask_again(Trial *trial, Writer *writer)
{
    if (!writer->renews || writer->asked < 0)
        return;
    const Transaction *transaction = ask_end(trial, writer, writer->asked_commit);
    if (transaction != NULL)
        note_end(trial, writer, transaction, writer->asked_commit);
}

static void step(Trial *trial)
{
    int32_t which = (int32_t)random_below(&trial->chance, IDS);
    Writer *writer = &trial->writers[which];
    if (writer->producer_id < 0 || random_below(&trial->chance, 6) == 0)
        take_over(trial, writer);
    assert(trial->count < TRANSACTIONS_MAX);
    int32_t number = trial->count++;
    trial->written[number] = (Written){.writer = which};
    if (!is_off(trial))
        write_all(trial, writer, number);
    int64_t how = random_below(&trial->chance, 10);
    if (is_off(trial))
        return;
    turn(trial);
    if (how == 0)
        take_over(trial, writer); /* it is left to whoever comes next */
    else if (!is_off(trial))
        end(trial, writer, number, how < 7);
}

/* ---- What must be there ---------------------------------------------------------------------- */

/* All of it, segment by segment. */
static void read_committed(Trial *trial, Partition *opened, int64_t stable_offset, Buffer *bytes)
{
    Error error = {0};
    BatchHeader header = {0};
    for (int64_t at = 0, offset = 0; offset < stable_offset && !is_off(trial);) {
        ReadRequest request = {
            .offset = offset, .bytes_max = 1 << 24, .at_least_one = true, .level = READ_COMMITTED};
        is_good(trial, partition_read(opened, &request, bytes, &error), &error);
        if (at == bytes->length)
            break;
        for (; at < bytes->length; at += header.bytes) {
            bool is_header =
                batch_read_header(str_make(bytes->data + at, bytes->length - at), &header);
            assert(is_header);
        }
        offset = batch_end_offset(&header);
    }
}

/* How often each is read by those who read what is committed. */
static void count_committed(Trial *trial, int32_t partition, int32_t *seen)
{
    Error error = {0};
    Partition *opened;
    Topic *topic = topics_find(trial->topics, STR("t"));
    if (!is_good(trial, topics_partition(trial->topics, topic, partition, &opened, &error), &error))
        return;
    PartitionOffsets offsets;
    partition_offsets(opened, &offsets);
    if (offsets.stable_offset != offsets.end_offset)
        wrong(trial, "a transaction stays open", offsets.stable_offset);
    Arena *arena = arena_new(0);
    List aborted = {0};
    partition_find_aborted(opened, 0, INT64_MAX, arena, &aborted);
    bool is_over[TRANSACTIONS_MAX] = {0};
    assert(aborted.count <= TRANSACTIONS_MAX);
    Buffer bytes = {0}, scratch = {0};
    read_committed(trial, opened, offsets.stable_offset, &bytes);
    BatchHeader header;
    for (int64_t at = 0; at < bytes.length; at += header.bytes) {
        bool is_header = batch_read_header(str_make(bytes.data + at, bytes.length - at), &header);
        assert(is_header);
        RecordReader reader;
        Record record;
        int64_t number;
        bool is_record =
            record_reader_open(&reader, str_make(bytes.data + at, header.bytes), &scratch) &&
            record_read(&reader, &record);
        bool is_marker = batch_has(&header, BATCH_IS_CONTROL);
        bool is_abort = is_marker && is_record && record.key.data[3] == 0;
        /* As clients do it, who are not told where a transaction ends. */
        bool is_left_out = is_marker;
        for (int32_t i = 0; i < aborted.count; i++) {
            const AbortedTransaction *one = LIST_AT(aborted, i, AbortedTransaction);
            bool is_of = !is_over[i] && one->producer_id == header.producer_id &&
                         one->first_offset <= header.base_offset;
            is_left_out |= is_of;
            is_over[i] |= is_of && is_abort;
        }
        if (!is_left_out && is_record && str_parse_int64(record.value, &number))
            seen[number]++;
    }
    buffer_free(&bytes);
    buffer_free(&scratch);
    arena_free(arena);
}

static void check(Trial *trial)
{
    int32_t seen[PARTITIONS][TRANSACTIONS_MAX] = {0};
    int64_t last[IDS] = {-1, -1};
    for (int32_t p = 0; p < PARTITIONS && !is_off(trial); p++)
        count_committed(trial, p, seen[p]);
    for (int32_t i = 0; i < trial->count && !is_off(trial); i++) {
        const Written *written = &trial->written[i];
        int32_t count = seen[0][i];
        if (count > 1 || count != seen[1][i])
            wrong(trial, "a transaction is torn", i);
        if (written->fate == FATE_COMMITTED && count != 1)
            wrong(trial, "what was committed is not there", i);
        if ((written->fate == FATE_ABORTED || written->fate == FATE_LEFT) && count != 0)
            wrong(trial, "what was not committed is there", i);
        if (count == 1)
            last[written->writer] = i;
    }
    for (int32_t w = 0; w < IDS && !is_off(trial); w++) {
        const CommittedOffset *found = offsets_find(trial->offsets, STR("g"), STR("t"), w);
        if ((found != NULL ? found->offset : -1) != last[w])
            wrong(trial, "the offset is not that of the last transaction", last[w]);
        if (offsets_are_pending(trial->offsets, STR("g"), STR("t"), w))
            wrong(trial, "an offset stays pending", w);
    }
}

/* ---- Trials ---------------------------------------------------------------------------------- */

/* What goes wrong: nothing at 0. */
typedef struct Cut {
    int64_t at;
    bool is_after, is_kill;
} Cut;

/* The number of changes that it took. */
static int64_t run(Trial *trial, uint64_t seed, const Cut *cut)
{
    *trial = (Trial){.world = sim_world_new(seed), .chance = seed};
    trial->markers_wait = random_below(&trial->chance, 2) == 0;
    trial->compacts = random_below(&trial->chance, 2) == 0;
    for (int32_t w = 0; w < IDS; w++)
        trial->writers[w] = (Writer){.id = w == 0 ? "one" : "two", .producer_id = -1, .asked = -1};
    trial->world->faults = (SimFaults){.cut_at = cut->at, .cuts_after = cut->is_after};
    begin_process(trial);
    for (int32_t i = 0; i < STEPS && !is_off(trial); i++)
        step(trial);
    int64_t changes = trial->world->changes;
    /* Twice: the first start may be cut off too. */
    for (int32_t i = 0; i < 2 && trial->wrong[0] == '\0'; i++) {
        end_process(trial);
        trial->world = sim_world_restart(trial->world, random_next(&trial->chance), cut->is_kill);
        if (i == 0 && cut->at > 0 && random_below(&trial->chance, 2) == 0)
            trial->world->faults.cut_at = 1 + random_below(&trial->chance, 30);
        if (trial->compacts && random_below(&trial->chance, 2) == 0)
            lose_snapshots(trial);
        begin_process(trial);
        for (int32_t w = 0; w < IDS && !is_off(trial); w++)
            ask_again(trial, &trial->writers[w]);
        for (int32_t w = 0; w < IDS && !is_off(trial); w++)
            take_over(trial, &trial->writers[w]);
        if (!is_off(trial))
            check(trial);
        for (int32_t k = 0; k < 2 && i == 0 && !is_off(trial); k++)
            step(trial);
    }
    end_process(trial);
    sim_world_free(trial->world);
    return changes;
}

/* Whether nothing is wrong. */
static bool run_and_tell(Trial *trial, uint64_t seed, const Cut *cut, int64_t *changes)
{
    *changes = run(trial, seed, cut);
    if (trial->wrong[0] == '\0')
        return true;
    printf("FAIL hub_sim --seed %" PRIu64 ", %s %s change %" PRId64 ": %s\n", seed,
           cut->is_kill ? "killed" : "cut", cut->is_after ? "after" : "before", cut->at,
           trial->wrong);
    return false;
}

enum { WAYS = 4, FAILURES_MAX = 10 };

int main(int argc, char **argv)
{
    int64_t trials_wanted = 0; /* 0: all of the first seed */
    uint64_t seed = 1;
    for (int i = 1; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--trials") == 0)
            trials_wanted = strtoll(argv[i + 1], NULL, 10);
        else if (strcmp(argv[i], "--seed") == 0)
            seed = strtoull(argv[i + 1], NULL, 10);
    }
    log_configure(LOG_OFF, LOG_TEXT, false);
    Trial *trial = calloc(1, sizeof *trial);
    int64_t trials = 0, failed = 0, seeds = 0, all_changes = 0;
    for (bool goes_on = true; goes_on; seed++) {
        int64_t changes, ignored;
        failed += !run_and_tell(trial, seed, &(Cut){0}, &changes);
        seeds++;
        all_changes += changes;
        for (int64_t i = 0; i < WAYS * changes && goes_on; i++) {
            int64_t way = i / changes;
            Cut cut = {.at = 1 + i % changes, .is_after = way >= 2, .is_kill = way % 2 == 1};
            failed += !run_and_tell(trial, seed, &cut, &ignored);
            trials++;
            goes_on = failed < FAILURES_MAX && (trials_wanted == 0 || trials < trials_wanted);
        }
        goes_on = goes_on && trials_wanted > 0;
    }
    free(trial);
    printf("hub_sim: up to seed %" PRIu64 ", %" PRId64 " changes in %" PRId64
           " clean runs, %" PRId64 " trials: %" PRId64 " failed\n",
           seed - 1, all_changes, seeds, trials, failed);
    return failed > 0;
}
