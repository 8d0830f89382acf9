/* Records of the topics that the hub keeps for itself, __consumer_offsets and __transaction_state,
 * in Kafka's format: whoever may write to them can say anything.
 *
 *     @R! topic flags key, @V! value         1 + 1 bytes before the key; value: none is a tombstone
 *
 * A record that is none is left out. What is known is the same after another start, and can be
 * used: commits, transactions that begin, end or run out of time. */
#include <assert.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "hub/journal.h"
#include "hub/transactions.h"
#include "sim/world.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define RECORD_MARK "@R!"
#define VALUE_MARK "@V!"

enum {
    IN_TRANSACTION = 1,
    THEN_COMMIT = 2,
    THEN_ABORT = 4,
    PRODUCER = 7,
    RECORDS_MAX = 200,
    LONG_US = 1200 * 1000 * 1000,
};

typedef struct Hub {
    World *world;
    Topics *topics;
    Offsets *offsets;
    Transactions *transactions;
} Hub;

static void must(Status status, const Error *error)
{
    if (status != OK)
        fprintf(stderr, "%s %s %s\n", status_name(status), error->code, error->text);
    assert(status == OK);
}

/* ---- Records --------------------------------------------------------------------------------- */

static void end_transaction(Journal *journal, bool is_commit)
{
    Appended appended;
    Error error = {0};
    must(partition_end_transaction(journal_partition(journal), PRODUCER, 0, is_commit, &appended,
                                   &error),
         &error);
}

static void write_one(Journal *journal, uint8_t flags, Str key, Str value)
{
    int64_t end_offset;
    Error error = {0};
    bool is_in = (flags & IN_TRANSACTION) != 0;
    journal_begin(journal, is_in ? PRODUCER : -1, is_in ? 0 : -1);
    journal_add(journal, key, value);
    Status status = journal_write(journal, &end_offset, &error);
    assert(status == OK || strcmp(error.code, "WR5404") == 0);
    if ((flags & (THEN_COMMIT | THEN_ABORT)) != 0)
        end_transaction(journal, (flags & THEN_COMMIT) != 0);
}

/* Up to the mark, which is taken as well. */
static Str split(Str *rest, const char *mark)
{
    const char *found = memmem(rest->data, (size_t)rest->length, mark, strlen(mark));
    Str before = *rest;
    if (found == NULL) {
        *rest = str_make(rest->data + rest->length, 0);
        return before;
    }
    before.length = found - rest->data;
    const char *behind = found + strlen(mark);
    *rest = str_make(behind, rest->data + rest->length - behind);
    return before;
}

static void write_all(Str input, Topics *topics, World *world)
{
    static const char *const names[] = {OFFSETS_TOPIC, TRANSACTIONS_TOPIC};
    Journal *journals[2];
    Error error = {0};
    for (int32_t i = 0; i < 2; i++)
        must(journal_open(world, topics, names[i], &journals[i], &error), &error);
    split(&input, RECORD_MARK);
    for (int32_t i = 0; i < RECORDS_MAX && input.length > 0; i++) {
        Str record = split(&input, RECORD_MARK);
        if (record.length < 2)
            continue;
        Journal *journal = journals[record.data[0] & 1];
        uint8_t flags = (uint8_t)record.data[1];
        Str value = str_make(record.data + 2, record.length - 2);
        Str key = split(&value, VALUE_MARK);
        write_one(journal, flags, key, value);
    }
    for (int32_t i = 0; i < 2; i++)
        journal_free(journals[i]);
}

/* ---- What the hub makes of them -------------------------------------------------------------- */

static void hub_open(Hub *hub)
{
    Error error = {0};
    must(topics_open(hub->world, "hub", &(LogOptions){0}, &hub->topics, &error), &error);
    must(offsets_open(hub->world, hub->topics, &hub->offsets, &error), &error);
    must(transactions_open(hub->world, hub->topics, hub->offsets, &hub->transactions, &error),
         &error);
}

static void hub_close(Hub *hub)
{
    Error error = {0};
    transactions_free(hub->transactions);
    offsets_free(hub->offsets);
    must(topics_close(hub->topics, &error), &error);
}

/* All that is known. */
static void hub_print(const Hub *hub, Buffer *out)
{
    for (int32_t i = 0; i < offsets_count(hub->offsets); i++) {
        const CommittedOffset *one = offsets_at(hub->offsets, i);
        const CommittedOffset *found =
            offsets_find(hub->offsets, one->group, one->topic, one->partition);
        assert(found == one);
        buffer_printf(out, "%.*s %.*s %d: %lld %d %.*s %lld\n", STR_ARGS(one->group),
                      STR_ARGS(one->topic), (int)one->partition, (long long)one->offset,
                      (int)one->leader_epoch, STR_ARGS(one->metadata),
                      (long long)one->committed_ms);
    }
    for (int32_t i = 0; i < transactions_count(hub->transactions); i++) {
        const Transaction *one = transactions_at(hub->transactions, i);
        assert(transactions_find(hub->transactions, str_from(one->id)) == one);
        buffer_printf(out, "%s: %lld %d %s %d\n", one->id, (long long)one->producer_id,
                      (int)one->epoch, transaction_state_name(one->state),
                      (int)one->partition_count);
    }
}

static void commit(Hub *hub)
{
    int64_t end_offset;
    Error error = {0};
    const CommittedOffset one = {
        .group = STR("g"), .topic = STR("t"), .offset = 5, .leader_epoch = -1};
    must(offsets_commit(hub->offsets, (CommitProducer){-1, -1}, &one, 1, &end_offset, &error),
         &error);
    const OffsetsFilter filter = {.group = STR("g"), .partition = -1};
    must(offsets_forget(hub->offsets, &filter, &end_offset, &error), &error);
    offsets_end_transaction(hub->offsets, PRODUCER, true);
}

static void advance(Hub *hub, SimWorld *world, int64_t step_us)
{
    enum { TIMES = 8 };
    Error error = {0};
    for (int32_t i = 0; i < TIMES; i++) {
        must(log_flush(topics_log(hub->topics), &error), &error);
        transactions_advance(hub->transactions);
        world->now_us += step_us;
    }
}

/* Somebody begins with the id anew, writes and ends it. */
static void go_on_with(Hub *hub, SimWorld *world, const char *id)
{
    enum { MS_MAX = 60000 };
    Error error = {0};
    TransactionAnswer answer;
    const TransactionPartition partition = {.topic = STR("t"), .index = 1};
    TransactionProducer asks = {.id = str_from(id), .producer_id = -1, .epoch = -1};
    Status status = transactions_init(hub->transactions, &asks, MS_MAX, &answer, &error);
    assert(status == OK || status == ERR_LIMIT);
    if (status != OK || answer.verdict != TRANSACTION_GOOD)
        return;
    asks.producer_id = answer.transaction->producer_id;
    asks.epoch = answer.transaction->epoch;
    must(transactions_add(hub->transactions, &asks, &partition, 1, &answer, &error), &error);
    advance(hub, world, 1);
    must(transactions_end(hub->transactions, &asks, true, false, &answer, &error), &error);
}

static void use(Hub *hub, SimWorld *world)
{
    enum { IDS = 8 };
    Arena *arena = arena_new(0);
    const char *ids[IDS];
    int32_t count = transactions_count(hub->transactions);
    count = count < IDS ? count : IDS;
    for (int32_t i = 0; i < count; i++)
        ids[i] = arena_printf(arena, "%s", transactions_at(hub->transactions, i)->id);
    commit(hub);
    advance(hub, world, 1000);
    for (int32_t i = 0; i < count; i++)
        go_on_with(hub, world, ids[i]);
    advance(hub, world, LONG_US);
    for (int32_t i = 0; i < count; i++)
        go_on_with(hub, world, ids[i]);
    assert(!transactions_are_active(hub->transactions) || count > 0);
    arena_free(arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    log_configure(LOG_OFF, LOG_TEXT, false);
    SimWorld *world = sim_world_new(1);
    Hub hub = {.world = &world->base};
    Error error = {0};
    Topic *topic;
    List none = {0};
    must(topics_open(hub.world, "hub", &(LogOptions){0}, &hub.topics, &error), &error);
    must(topics_create(hub.topics, STR("t"), 2, &none, &topic, &error), &error);
    write_all(str_make((const char *)data, (int64_t)size), hub.topics, hub.world);
    must(topics_close(hub.topics, &error), &error);

    Buffer first = {0}, again = {0};
    hub_open(&hub);
    hub_print(&hub, &first);
    hub_close(&hub);
    hub_open(&hub);
    hub_print(&hub, &again);
    assert(str_equal(buffer_str(&first), buffer_str(&again)));
    use(&hub, world);
    hub_close(&hub);
    hub_open(&hub);
    hub_close(&hub);
    buffer_free(&first);
    buffer_free(&again);
    sim_world_free(world);
    return 0;
}
