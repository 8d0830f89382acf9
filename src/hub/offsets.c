/* Commits as records, and the newest of each in memory. */
#include "hub/offsets.h"

#include <assert.h>

#include "base/map.h"
#include "base/memory.h"
#include "hub/journal.h"

enum { KEY_VERSION = 1, VALUE_VERSION = 3 };

struct Offsets {
    World *world;
    Arena *arena;
    Journal *journal;
    Map *entries;        /* key of the record -> CommittedOffset */
    List pending;        /* Pending *, of producers whose transaction goes on */
    int32_t begun_count; /* that are not finished */
    int64_t ticket;      /* of the one that began last */
    int64_t finished;    /* the ticket of the one that ended last */
    Arena *forget_arena; /* of what was to be forgotten while some were not … */
    List forgets;        /* … OffsetsFilter * */
    Arena *owed_arena;   /* of keys that are forgotten, and lie in the topic all the same … */
    List owed;           /* … Str * */
    _Atomic bool owes;   /* some of them */
};

typedef struct PendingCommit {
    Str key;
    int64_t ticket; /* of the write that it is on its way with; 0: it is written */
    CommittedOffset committed;
} PendingCommit;

/* What a transaction has committed that goes on; freed when it is over. */
typedef struct Pending {
    Arena *arena;
    int64_t producer_id;
    List commits; /* PendingCommit * */
} Pending;

/* ---- Keys and values ------------------------------------------------------------------------- */

static void key_write(Buffer *out, Str group, Str topic, int32_t partition)
{
    out->length = 0;
    put_number(out, KEY_VERSION, 2);
    put_text(out, group);
    put_text(out, topic);
    put_number(out, partition, 4);
}

static void value_write_offset(Buffer *out, const CommittedOffset *committed)
{
    out->length = 0;
    put_number(out, VALUE_VERSION, 2);
    put_number(out, committed->offset, 8);
    put_number(out, committed->leader_epoch, 4);
    put_text(out, committed->metadata);
    put_number(out, committed->committed_ms, 8);
}

/* A later record of the key says what counts. */
static void owed_drop(Offsets *offsets, Str key)
{
    int32_t kept = 0;
    if (offsets->owed.count == 0)
        return;
    for (int32_t i = 0; i < offsets->owed.count; i++)
        if (!str_equal(*LIST_AT(offsets->owed, i, Str), key))
            offsets->owed.items[kept++] = offsets->owed.items[i];
    offsets->owed.count = kept;
    offsets->owes = kept > 0;
}

static void owed_add(Offsets *offsets, Str key)
{
    owed_drop(offsets, key);
    Str *owed = ARENA_NEW(offsets->owed_arena, Str);
    *owed = str_copy(offsets->owed_arena, key);
    list_append(&offsets->owed, offsets->owed_arena, owed);
    offsets->owes = true;
}

/* The newest in the topic counts. */
static void remember(Offsets *offsets, Str key, const CommittedOffset *committed)
{
    CommittedOffset *entry = map_find(offsets->entries, key);
    if (entry != NULL && entry->written_at > committed->written_at)
        return;
    owed_drop(offsets, key);
    if (entry == NULL) {
        entry = ARENA_NEW(offsets->arena, CommittedOffset);
        entry->group = str_copy(offsets->arena, committed->group);
        entry->topic = str_copy(offsets->arena, committed->topic);
        map_put(offsets->entries, key, entry);
    }
    CommittedOffset before = *entry;
    *entry = *committed;
    entry->group = before.group;
    entry->topic = before.topic;
    /* Most say the same again and again. */
    entry->metadata = str_equal(before.metadata, committed->metadata)
                          ? before.metadata
                          : str_copy(offsets->arena, committed->metadata);
}

/* ---- Transactions ---------------------------------------------------------------------------- */

static int32_t pending_index(const Offsets *offsets, int64_t producer_id)
{
    int32_t at = 0;
    while (at < offsets->pending.count &&
           LIST_AT(offsets->pending, at, Pending)->producer_id != producer_id)
        at++;
    return at;
}

static void pending_add(Offsets *offsets, int64_t producer_id, Str key,
                        const CommittedOffset *committed, int64_t ticket)
{
    int32_t at = pending_index(offsets, producer_id);
    if (at == offsets->pending.count) {
        Arena *arena = arena_new(0);
        Pending *fresh = ARENA_NEW(arena, Pending);
        *fresh = (Pending){.arena = arena, .producer_id = producer_id};
        list_append(&offsets->pending, offsets->arena, fresh);
    }
    Pending *pending = LIST_AT(offsets->pending, at, Pending);
    PendingCommit *commit = ARENA_NEW(pending->arena, PendingCommit);
    commit->key = str_copy(pending->arena, key);
    commit->ticket = ticket;
    commit->committed = *committed;
    commit->committed.group = str_copy(pending->arena, committed->group);
    commit->committed.topic = str_copy(pending->arena, committed->topic);
    commit->committed.metadata = str_copy(pending->arena, committed->metadata);
    list_append(&pending->commits, pending->arena, commit);
}

/* Those of a write that has come to its end. */
static void pending_settle(Offsets *offsets, const OffsetsWrite *write, Status appended)
{
    int32_t at = pending_index(offsets, write->producer.id), kept = 0, number = 0;
    if (at == offsets->pending.count)
        return;
    List *commits = &LIST_AT(offsets->pending, at, Pending)->commits;
    for (int32_t i = 0; i < commits->count; i++) {
        PendingCommit *commit = LIST_AT(*commits, i, PendingCommit);
        bool is_ours = commit->ticket == write->ticket;
        if (is_ours) {
            commit->ticket = 0;
            commit->committed.written_at = write->end_offset - write->count + number++;
        }
        if (!is_ours || appended == OK)
            commits->items[kept++] = commit;
    }
    commits->count = kept;
}

/* It is never to count, whatever becomes of the transaction. */
static void pending_strike(Offsets *offsets, Str key)
{
    for (int32_t i = 0; i < offsets->pending.count; i++) {
        List *commits = &LIST_AT(offsets->pending, i, Pending)->commits;
        int32_t kept = 0;
        for (int32_t j = 0; j < commits->count; j++) {
            PendingCommit *commit = LIST_AT(*commits, j, PendingCommit);
            if (commit->ticket != 0 || !str_equal(commit->key, key))
                commits->items[kept++] = commit;
        }
        commits->count = kept;
    }
}

void offsets_end_transaction(Offsets *offsets, int64_t producer_id, bool is_commit)
{
    int32_t at = pending_index(offsets, producer_id);
    if (at == offsets->pending.count)
        return;
    Pending *pending = LIST_AT(offsets->pending, at, Pending);
    for (int32_t i = 0; is_commit && i < pending->commits.count; i++) {
        const PendingCommit *commit = LIST_AT(pending->commits, i, PendingCommit);
        remember(offsets, commit->key, &commit->committed);
    }
    offsets->pending.items[at] = offsets->pending.items[--offsets->pending.count];
    arena_free(pending->arena);
}

static bool key_is_pending(const Offsets *offsets, Str key)
{
    for (int32_t i = 0; i < offsets->pending.count; i++) {
        const List *commits = &LIST_AT(offsets->pending, i, Pending)->commits;
        for (int32_t j = 0; j < commits->count; j++)
            if (str_equal(LIST_AT(*commits, j, PendingCommit)->key, key))
                return true;
    }
    return false;
}

bool offsets_are_pending(const Offsets *offsets, Str group, Str topic, int32_t partition)
{
    Buffer key = {0};
    key_write(&key, group, topic, partition);
    bool is_found = key_is_pending(offsets, buffer_str(&key));
    buffer_free(&key);
    return is_found;
}

/* ---- Life ------------------------------------------------------------------------------------ */

/* It is as we write it, so that it is found again by what it says. */
static bool key_is_ours(Str key, const CommittedOffset *committed)
{
    Buffer again = {0};
    key_write(&again, committed->group, committed->topic, committed->partition);
    bool is_ours = str_equal(buffer_str(&again), key);
    buffer_free(&again);
    return is_ours;
}

/* A record of another version is not ours, and whoever may write to the topic can write anything:
 * what is no record is left out. */
static void take_record(void *context, const BatchHeader *header, const Record *record)
{
    Offsets *offsets = context;
    ByteReader key = byte_reader(record->key), value = byte_reader(record->value);
    CommittedOffset committed = {.written_at = record->offset};
    if (take_number(&key, 2) != KEY_VERSION)
        return;
    committed.group = take_text(&key);
    committed.topic = take_text(&key);
    committed.partition = (int32_t)take_number(&key, 4);
    if (key.is_short || !key_is_ours(record->key, &committed))
        return;
    if (!record->has_value) {
        map_remove(offsets->entries, record->key);
        pending_strike(offsets, record->key);
        return;
    }
    if (take_number(&value, 2) != VALUE_VERSION)
        return;
    committed.offset = take_number(&value, 8);
    committed.leader_epoch = (int32_t)take_number(&value, 4);
    committed.metadata = take_text(&value);
    committed.committed_ms = take_number(&value, 8);
    if (value.is_short)
        return;
    if (batch_has(header, BATCH_IS_TRANSACTIONAL) &&
        partition_is_undecided(offsets_partition(offsets), header->producer_id, record->offset))
        pending_add(offsets, header->producer_id, record->key, &committed, 0);
    else
        remember(offsets, record->key, &committed);
}

Status offsets_open(World *world, Topics *topics, Offsets **out, Error *error)
{
    Arena *arena = arena_new(0);
    Offsets *offsets = ARENA_NEW(arena, Offsets);
    *offsets = (Offsets){.world = world,
                         .arena = arena,
                         .entries = map_new(arena),
                         .forget_arena = arena_new(0),
                         .owed_arena = arena_new(0)};
    Status status = journal_open(world, topics, OFFSETS_TOPIC, &offsets->journal, error);
    if (status == OK)
        status = journal_read(offsets->journal, take_record, offsets, error);
    *out = status == OK ? offsets : NULL;
    if (status != OK)
        offsets_free(offsets);
    return status;
}

void offsets_free(Offsets *offsets)
{
    if (offsets == NULL)
        return;
    for (int32_t i = 0; i < offsets->pending.count; i++)
        arena_free(LIST_AT(offsets->pending, i, Pending)->arena);
    journal_free(offsets->journal);
    arena_free(offsets->forget_arena);
    arena_free(offsets->owed_arena);
    arena_free(offsets->arena);
}

Partition *offsets_partition(const Offsets *offsets)
{
    return journal_partition(offsets->journal);
}

/* ---- Commits --------------------------------------------------------------------------------- */

void offsets_begin(Offsets *offsets, CommitProducer producer, const CommittedOffset *commits,
                   int32_t count, OffsetsWrite *out)
{
    assert(count > 0);
    *out = (OffsetsWrite){.producer = producer,
                          .commits = commits,
                          .count = count,
                          .ticket = ++offsets->ticket,
                          .forget_count = offsets->forgets.count};
    Buffer key = {0}, value = {0};
    journal_begin(offsets->journal, producer.id, producer.epoch);
    for (int32_t i = 0; i < count; i++) {
        key_write(&key, commits[i].group, commits[i].topic, commits[i].partition);
        value_write_offset(&value, &commits[i]);
        journal_add(offsets->journal, buffer_str(&key), buffer_str(&value));
        /* Whoever reads it from now on, before it is written too, is told to wait. */
        if (producer.id >= 0)
            pending_add(offsets, producer.id, buffer_str(&key), &commits[i], out->ticket);
    }
    journal_take(offsets->journal, &out->batch);
    buffer_free(&key);
    buffer_free(&value);
    offsets->begun_count++;
}

/* The sequence of a producer is that of the moment: others may have been appended since it began.
 */
static void set_sequence(const Offsets *offsets, OffsetsWrite *write)
{
    BatchHeader header;
    bool is_header = batch_read_header(buffer_str(&write->batch), &header);
    assert(is_header);
    header.base_sequence = partition_next_sequence(offsets_partition(offsets), write->producer.id,
                                                   write->producer.epoch);
    batch_write_header(write->batch.data, write->batch.length, &header);
}

Status offsets_append(Offsets *offsets, OffsetsWrite *write, Error *error)
{
    Appended appended;
    Partition *partition = offsets_partition(offsets);
    if (write->producer.id >= 0)
        set_sequence(offsets, write);
    TRY(partition_append(partition, write->batch.data, write->batch.length, &appended, error));
    if (appended.verdict != APPEND_DONE)
        return fail(error, ERR_LIMIT, "WR5404", "`%s` does not take a record: %s",
                    partition_name(partition), appended.reason);
    write->end_offset = appended.end_offset;
    return OK;
}

static bool passes(const OffsetsFilter *filter, const CommittedOffset *committed)
{
    return (filter->group.data == NULL || str_equal(filter->group, committed->group)) &&
           (filter->topic.data == NULL || str_equal(filter->topic, committed->topic)) &&
           (filter->partition < 0 || filter->partition == committed->partition) &&
           (filter->before_ms == 0 || committed->committed_ms < filter->before_ms) &&
           (filter->is_free == NULL || filter->is_free(filter->context, committed->group));
}

/* Whether it was to be forgotten after it began. */
static bool is_forgotten(const Offsets *offsets, const OffsetsWrite *write,
                         const CommittedOffset *committed)
{
    for (int32_t i = write->forget_count; i < offsets->forgets.count; i++)
        if (passes(LIST_AT(offsets->forgets, i, OffsetsFilter), committed))
            return true;
    return false;
}

/* They count from now on, or when the transaction ends; what is forgotten is to be taken back. */
static void count_commits(Offsets *offsets, const OffsetsWrite *write, bool *has_forgotten)
{
    Buffer key = {0};
    for (int32_t i = 0; i < write->count; i++) {
        CommittedOffset written = write->commits[i];
        written.written_at = write->end_offset - write->count + i;
        key_write(&key, written.group, written.topic, written.partition);
        if (is_forgotten(offsets, write, &written)) {
            pending_strike(offsets, buffer_str(&key));
            owed_add(offsets, buffer_str(&key));
            *has_forgotten = true;
        } else if (write->producer.id < 0) {
            remember(offsets, buffer_str(&key), &written);
        }
    }
    buffer_free(&key);
}

bool offsets_owe(const Offsets *offsets)
{
    return offsets->owes;
}

/* Whatever is on its way, or goes on in a transaction, may be a commit that has to stay: only
 * behind it is it known whether the key is to go. */
Status offsets_settle(Offsets *offsets, Error *error)
{
    int32_t kept = 0;
    int64_t end_offset;
    if (!offsets_owe(offsets) || offsets->begun_count > 0)
        return OK;
    journal_begin(offsets->journal, -1, -1);
    for (int32_t i = 0; i < offsets->owed.count; i++)
        if (!key_is_pending(offsets, *LIST_AT(offsets->owed, i, Str)))
            journal_add(offsets->journal, *LIST_AT(offsets->owed, i, Str), (Str){0});
    TRY(journal_write(offsets->journal, &end_offset, error));
    for (int32_t i = 0; i < offsets->owed.count; i++)
        if (key_is_pending(offsets, *LIST_AT(offsets->owed, i, Str)))
            offsets->owed.items[kept++] = offsets->owed.items[i];
    offsets->owed.count = kept;
    offsets->owes = kept > 0;
    if (kept == 0) {
        offsets->owed = (List){0};
        arena_reset(offsets->owed_arena);
    }
    return OK;
}

Status offsets_finish(Offsets *offsets, OffsetsWrite *write, Status appended, Error *error)
{
    bool has_forgotten = false;
    if (write->producer.id >= 0)
        pending_settle(offsets, write, appended);
    if (appended == OK)
        count_commits(offsets, write, &has_forgotten);
    buffer_free(&write->batch);
    offsets->finished = write->ticket;
    assert(offsets->begun_count > 0);
    if (--offsets->begun_count == 0) {
        offsets->forgets = (List){0};
        arena_reset(offsets->forget_arena);
    }
    Status settled = offsets_settle(offsets, has_forgotten ? error : NULL);
    return appended == OK && has_forgotten ? settled : appended;
}

Status offsets_commit(Offsets *offsets, CommitProducer producer, const CommittedOffset *committed,
                      int32_t count, int64_t *end_offset, Error *error)
{
    OffsetsWrite write;
    offsets_begin(offsets, producer, committed, count, &write);
    Status status = offsets_append(offsets, &write, error);
    *end_offset = write.end_offset;
    return offsets_finish(offsets, &write, status, error);
}

static OffsetsFilter *filter_copy(Arena *arena, const OffsetsFilter *filter)
{
    OffsetsFilter *copy = ARENA_NEW(arena, OffsetsFilter);
    *copy = *filter;
    if (filter->group.data != NULL)
        copy->group = str_copy(arena, filter->group);
    if (filter->topic.data != NULL)
        copy->topic = str_copy(arena, filter->topic);
    return copy;
}

/* What transactions that go on have committed goes as well, unless it is for its age. */
static void forget_pending(const Offsets *offsets, const OffsetsFilter *filter, Arena *arena,
                           List *keys)
{
    for (int32_t i = 0; filter->before_ms == 0 && i < offsets->pending.count; i++) {
        const List *commits = &LIST_AT(offsets->pending, i, Pending)->commits;
        for (int32_t j = 0; j < commits->count; j++) {
            const PendingCommit *commit = LIST_AT(*commits, j, PendingCommit);
            if (commit->ticket != 0 || !passes(filter, &commit->committed))
                continue;
            Str *key = ARENA_NEW(arena, Str);
            *key = str_copy(arena, commit->key);
            list_append(keys, arena, key);
            journal_add(offsets->journal, *key, (Str){0});
        }
    }
}

Status offsets_forget(Offsets *offsets, const OffsetsFilter *filter, int64_t *end_offset,
                      Error *error)
{
    Arena *arena = arena_new(0);
    List keys = {0};
    if (offsets->begun_count > 0)
        list_append(&offsets->forgets, offsets->forget_arena,
                    filter_copy(offsets->forget_arena, filter));
    journal_begin(offsets->journal, -1, -1);
    for (int32_t i = 0; i < offsets_count(offsets); i++) {
        if (!passes(filter, offsets_at(offsets, i)))
            continue;
        Str *key = ARENA_NEW(arena, Str);
        *key = str_copy(arena, map_key_at(offsets->entries, i));
        list_append(&keys, arena, key);
        journal_add(offsets->journal, *key, (Str){0});
    }
    forget_pending(offsets, filter, arena, &keys);
    Status status = journal_write(offsets->journal, end_offset, error);
    for (int32_t i = 0; status == OK && i < keys.count; i++) {
        map_remove(offsets->entries, *LIST_AT(keys, i, Str));
        pending_strike(offsets, *LIST_AT(keys, i, Str));
    }
    arena_free(arena);
    return status;
}

int64_t offsets_begun(const Offsets *offsets)
{
    return offsets->ticket;
}

/* They end in the order in which they began. */
bool offsets_are_finished(const Offsets *offsets, int64_t begun)
{
    return offsets->finished >= begun && !offsets_owe(offsets);
}

int64_t offsets_end(const Offsets *offsets)
{
    return journal_end(offsets->journal);
}

const CommittedOffset *offsets_find(const Offsets *offsets, Str group, Str topic, int32_t partition)
{
    Buffer key = {0};
    key_write(&key, group, topic, partition);
    const CommittedOffset *found = map_find(offsets->entries, buffer_str(&key));
    buffer_free(&key);
    return found;
}

int32_t offsets_count(const Offsets *offsets)
{
    return map_count(offsets->entries);
}

const CommittedOffset *offsets_at(const Offsets *offsets, int32_t index)
{
    return map_value_at(offsets->entries, index);
}
