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
    Map *entries; /* key of the record -> CommittedOffset */
    List pending; /* Pending *, of producers whose transaction goes on */
};

typedef struct PendingCommit {
    Str key;
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

static void remember(Offsets *offsets, Str key, const CommittedOffset *committed)
{
    CommittedOffset *entry = map_find(offsets->entries, key);
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
                        const CommittedOffset *committed)
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
    commit->committed = *committed;
    commit->committed.group = str_copy(pending->arena, committed->group);
    commit->committed.topic = str_copy(pending->arena, committed->topic);
    commit->committed.metadata = str_copy(pending->arena, committed->metadata);
    list_append(&pending->commits, pending->arena, commit);
}

/* What was written later counts, whenever the transaction ends. */
static void pending_end(Offsets *offsets, int64_t producer_id, bool is_commit)
{
    int32_t at = pending_index(offsets, producer_id);
    if (at == offsets->pending.count)
        return;
    Pending *pending = LIST_AT(offsets->pending, at, Pending);
    for (int32_t i = 0; is_commit && i < pending->commits.count; i++) {
        const PendingCommit *commit = LIST_AT(pending->commits, i, PendingCommit);
        const CommittedOffset *there = map_find(offsets->entries, commit->key);
        if (there == NULL || there->written_at <= commit->committed.written_at)
            remember(offsets, commit->key, &commit->committed);
    }
    offsets->pending.items[at] = offsets->pending.items[--offsets->pending.count];
    arena_free(pending->arena);
}

bool offsets_are_pending(const Offsets *offsets, Str group, Str topic, int32_t partition)
{
    Buffer key = {0};
    bool is_found = false;
    key_write(&key, group, topic, partition);
    for (int32_t i = 0; i < offsets->pending.count; i++) {
        const List *commits = &LIST_AT(offsets->pending, i, Pending)->commits;
        for (int32_t j = 0; j < commits->count && !is_found; j++)
            is_found = str_equal(LIST_AT(*commits, j, PendingCommit)->key, buffer_str(&key));
    }
    buffer_free(&key);
    return is_found;
}

/* ---- Life ------------------------------------------------------------------------------------ */

/* A record of another version is not ours: it is left out. */
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
    if (!record->has_value) {
        map_remove(offsets->entries, record->key);
        return;
    }
    if (take_number(&value, 2) != VALUE_VERSION)
        return;
    committed.offset = take_number(&value, 8);
    committed.leader_epoch = (int32_t)take_number(&value, 4);
    committed.metadata = take_text(&value);
    committed.committed_ms = take_number(&value, 8);
    if (key.is_short || value.is_short)
        return;
    if (batch_has(header, BATCH_IS_TRANSACTIONAL) &&
        partition_is_undecided(offsets_partition(offsets), header->producer_id, record->offset))
        pending_add(offsets, header->producer_id, record->key, &committed);
    else
        remember(offsets, record->key, &committed);
}

Status offsets_open(World *world, Topics *topics, Offsets **out, Error *error)
{
    Arena *arena = arena_new(0);
    Offsets *offsets = ARENA_NEW(arena, Offsets);
    *offsets = (Offsets){.world = world, .arena = arena, .entries = map_new(arena)};
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
    arena_free(offsets->arena);
}

Partition *offsets_partition(const Offsets *offsets)
{
    return journal_partition(offsets->journal);
}

/* ---- Commits --------------------------------------------------------------------------------- */

static Status commit_all(Offsets *offsets, CommitProducer producer,
                         const CommittedOffset *committed, int32_t count, int64_t *end_offset,
                         Error *error)
{
    assert(count > 0);
    Buffer key = {0}, value = {0};
    journal_begin(offsets->journal, producer.id, producer.epoch);
    for (int32_t i = 0; i < count; i++) {
        key_write(&key, committed[i].group, committed[i].topic, committed[i].partition);
        value_write_offset(&value, &committed[i]);
        journal_add(offsets->journal, buffer_str(&key), buffer_str(&value));
    }
    Status status = journal_write(offsets->journal, end_offset, error);
    for (int32_t i = 0; status == OK && i < count; i++) {
        CommittedOffset written = committed[i];
        written.written_at = *end_offset - count + i;
        key_write(&key, written.group, written.topic, written.partition);
        if (producer.id >= 0)
            pending_add(offsets, producer.id, buffer_str(&key), &written);
        else
            remember(offsets, buffer_str(&key), &written);
    }
    buffer_free(&key);
    buffer_free(&value);
    return status;
}

Status offsets_commit(Offsets *offsets, const CommittedOffset *committed, int32_t count,
                      Partition **partition, int64_t *end_offset, Error *error)
{
    *partition = offsets_partition(offsets);
    return commit_all(offsets, (CommitProducer){-1, -1}, committed, count, end_offset, error);
}

Status offsets_commit_in_transaction(Offsets *offsets, CommitProducer producer,
                                     const CommittedOffset *committed, int32_t count,
                                     int64_t *end_offset, Error *error)
{
    assert(producer.id >= 0);
    return commit_all(offsets, producer, committed, count, end_offset, error);
}

Status offsets_end_transaction(Offsets *offsets, int64_t producer_id, int16_t producer_epoch,
                               bool is_commit, int64_t *end_offset, Error *error)
{
    Appended appended;
    TRY(partition_end_transaction(offsets_partition(offsets), producer_id, producer_epoch,
                                  is_commit, &appended, error));
    *end_offset = appended.end_offset;
    pending_end(offsets, producer_id, is_commit);
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

Status offsets_forget(Offsets *offsets, const OffsetsFilter *filter, int64_t *end_offset,
                      Error *error)
{
    Arena *arena = arena_new(0);
    List keys = {0};
    journal_begin(offsets->journal, -1, -1);
    for (int32_t i = 0; i < offsets_count(offsets); i++) {
        if (!passes(filter, offsets_at(offsets, i)))
            continue;
        Str *key = ARENA_NEW(arena, Str);
        *key = str_copy(arena, map_key_at(offsets->entries, i));
        list_append(&keys, arena, key);
        journal_add(offsets->journal, *key, (Str){0});
    }
    Status status = journal_write(offsets->journal, end_offset, error);
    for (int32_t i = 0; status == OK && i < keys.count; i++)
        map_remove(offsets->entries, *LIST_AT(keys, i, Str));
    arena_free(arena);
    return status;
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
