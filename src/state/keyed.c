/* Passes over tables: what is saved, when, and how it comes back. */
#include "state/keyed.h"

#include "base/memory.h"
#include "base/planted.h"
#include "data/rowcode.h"
#include "state/cold.h"
#include "state/internal.h"
#include "state/wordpack.h"

typedef enum RecordKind {
    RECORD_TABLE = 1,
    RECORD_PUT,
    RECORD_DELETE,
    RECORD_DROP,
    RECORD_WORDS = 16, /* and how many they are */
    RECORD_WORDS_END = RECORD_WORDS + TABLE_WORDS_MAX,
} RecordKind;

enum {
    WORDS_BYTES_MAX = 1 + (1 + TABLE_WORDS_MAX) * WORDPACK_BYTES_MAX,
    SCAN_RUN = 64, /* entries at one go: a step looks at so many more than it may, at most */
    STEP_BYTES_RESERVED = 64 * 1024,
    /* Entries that one step looks at: where few of many have changed, it is the looking that takes
     * time, 25 ms for 8 million. */
    STEP_LOOKS = 64 * 1024,
    IDLE_LOOKS = 16,  /* tables, each time room is made */
    IDLE_ROUNDS = 64, /* after which a table that is not used need not have anything at hand */
};

/* Records and the table that the last of them is about. */
typedef struct Records {
    Buffer bytes;
    const StateTable *table;
} Records;

struct KeyedState {
    KeyedOwner owner;
    StateTable **tables; /* in no order */
    int32_t count, capacity;
    int32_t current;     /* the pass has come to this table */
    StateTable **in_use; /* of those that spill: used since room was last made */
    int32_t in_use_count, in_use_capacity;
    int64_t round;   /* how often room was made */
    int64_t growth;  /* bytes, until somebody asks */
    int32_t idle;    /* the next table to be looked at for not being used */
    uint64_t mark;   /* of entries that have been touched since the last barrier */
    int32_t leaving; /* tables that are there for the pass only */
    bool is_saving;  /* a pass is under way */
    bool saves_all;
    Records saved; /* by the pass that is under way */
    Records ended; /* keys that went since the last barrier, for the next pass */
};

KeyedState *keyed_new(const KeyedOwner *owner)
{
    KeyedState *keyed = memory_allocate_zeroed((int64_t)sizeof *keyed);
    keyed->mark = ENTRY_DIRTY;
    if (owner != NULL)
        keyed->owner = *owner;
    return keyed;
}

const uint64_t *keyed_mark(const KeyedState *keyed)
{
    return &keyed->mark;
}

static void records_about(Records *records, const StateTable *table)
{
    if (records->table == table)
        return;
    records->table = table;
    buffer_append_u8(&records->bytes, RECORD_TABLE);
    buffer_append_u8(&records->bytes, table->id.kind);
    buffer_append_u64(&records->bytes, (uint64_t)table->id.number);
}

static void keyed_put(KeyedState *keyed, int32_t position, StateTable *table)
{
    keyed->tables[position] = table;
    table->position = position;
}

void keyed_add(KeyedState *keyed, KeyedId id, StateTable *table)
{
    assert(table->keyed == NULL && table->codec != NULL && table->count == 0);
    if (keyed->count == keyed->capacity) {
        keyed->capacity = keyed->capacity == 0 ? 4 : keyed->capacity * 2;
        keyed->tables =
            memory_resize(keyed->tables, (int64_t)sizeof(StateTable *) * keyed->capacity);
    }
    keyed_put(keyed, keyed->count++, table);
    table->keyed = keyed;
    table->id = id;
    table->color = keyed->mark & ENTRY_COLOR;
    table->is_persisted = false;
    table->is_saving = false;
}

/* ---- Saving ------------------------------------------------------------------------------ */

static uint64_t word_hash(uint64_t word)
{
    return table_hash_of_key(rowcode_hash_word(word));
}

/* Most of all state: a number and what was counted under it. */
static void table_save_words(StateTable *table, Entry *entry, Buffer *out)
{
    const TableCodec *codec = table->codec;
    const uint8_t *value = entry_value(table, (uint8_t *)entry);
    assert(hash_plain(entry->hash) == word_hash(entry->word));
    char *first = buffer_reserve(out, WORDS_BYTES_MAX), *at = first;
    *at++ = (char)(RECORD_WORDS + codec->word_count);
    at = wordpack_put(at, entry->word);
    for (int32_t i = 0; i < codec->word_count; i++) {
        uint64_t word = 0;
        if (codec->words[i] >= 0)
            memcpy(&word, value + codec->words[i], sizeof word);
        at = wordpack_put(at, word);
    }
    out->length += at - first;
}

static void table_save_entry(StateTable *table, Entry *entry)
{
    Records *records = &table->keyed->saved;
    Buffer *out = &records->bytes;
    records_about(records, table);
    entry->hash |= ENTRY_PERSISTED;
    if (table->codec->word_count > 0 && table->key->kind == TABLE_KEY_WORD &&
        !table_is_null_entry(table, entry)) {
        table_save_words(table, entry, out);
        return;
    }
    uint8_t *value = entry_value(table, (uint8_t *)entry);
    buffer_append_u8(out, RECORD_PUT);
    table_save_key(table, value, out);
    int64_t start = out->length;
    buffer_append_u32(out, 0);
    value_save(table, value, out);
    uint32_t length = (uint32_t)(out->length - start - (int64_t)sizeof length);
    memcpy(out->data + start, &length, sizeof length);
}

void table_save_record(StateTable *table, const Probe *probe, Str value)
{
    Records *records = &table->keyed->saved;
    Buffer *out = &records->bytes;
    records_about(records, table);
    buffer_append_u8(out, RECORD_PUT);
    buffer_append_u64(out, probe->hash);
    buffer_append_u8(out, 1);
    if (probe->view == NULL)
        buffer_append_u64(out, probe->word);
    else
        buffer_append_bytes(out, str_view_str(probe->view));
    buffer_append_bytes(out, value);
}

/* It is part of the pass: saved if it must be, and passed by from now on. */
static void table_pass_entry(StateTable *table, Entry *entry)
{
    if (table->saves_all || (entry->hash & ENTRY_DIRTY) != 0)
        table_save_entry(table, entry);
    entry->hash = (entry->hash & ~(uint64_t)(ENTRY_DIRTY | ENTRY_COLOR)) | table->color;
}

void table_save_before_change(StateTable *table, Entry *entry)
{
    assert(table->is_saving);
    if (!planted(PLANTED_CHANGE_NOT_SAVED))
        table_pass_entry(table, entry);
}

/* Those from the cursor on, `count` of them in one slab, or fewer if so much has been saved. */
static void table_save_run(StateTable *table, Place place, uint32_t count, int64_t bytes)
{
    const Buffer *out = &table->keyed->saved.bytes;
    uint8_t *at = table->slabs[place.slab] + (int64_t)place.offset * table->entry_bytes;
    uint32_t i = 0;
    for (; i < count && out->length < bytes; i++, at += table->entry_bytes) {
        Entry *entry = (Entry *)(void *)at;
        if ((entry->hash & ENTRY_COLOR) != table->color && entry->hash != 0)
            table_pass_entry(table, entry);
    }
    table->save_cursor += i;
}

/* Until the pass over the table is over, or has saved so much, or has looked at about as many
 * entries as *looks still allows. */
static void table_save_some(StateTable *table, int64_t bytes, int64_t *looks)
{
    const Buffer *out = &table->keyed->saved.bytes;
    for (;;) {
        bool is_left = table->save_cursor < table->save_end, has_room = out->length < bytes;
        if (!is_left || !has_room || *looks <= 0)
            break;
        Place place = entry_place(table->save_cursor);
        uint32_t left = table->save_end - table->save_cursor, count = place.size - place.offset;
        count = count < left ? count : left;
        count = count < SCAN_RUN ? count : SCAN_RUN;
        table_save_run(table, place, count, bytes);
        *looks -= count;
    }
    table->is_saving = table->save_cursor < table->save_end;
    if (table->cold != NULL && !table->is_saving)
        table->is_saving = !cold_save_some(table, out, bytes, looks);
}

void table_save_touched(StateTable *table, uint8_t *const *values, int32_t count)
{
    for (int32_t i = 0; i < count; i++) {
        Entry *entry = value_entry(table, values[i]);
        if ((entry->hash & ENTRY_COLOR) != table->color)
            table_save_before_change(table, entry);
        entry->hash |= ENTRY_DIRTY | ENTRY_CHANGED;
    }
}

void table_save_end(StateTable *table, Entry *entry)
{
    if ((entry->hash & ENTRY_COLOR) != table->color)
        table_save_before_change(table, entry);
    if ((entry->hash & ENTRY_PERSISTED) == 0)
        return;
    Records *records = &table->keyed->ended;
    records_about(records, table);
    buffer_append_u8(&records->bytes, RECORD_DELETE);
    table_save_key(table, entry_value(table, (uint8_t *)entry), &records->bytes);
}

/* The next pass says that the table has no keys any more. */
static void keyed_tell_end(KeyedState *keyed, StateTable *table)
{
    if (!table->is_persisted)
        return;
    table->is_persisted = false;
    records_about(&keyed->ended, table);
    buffer_append_u8(&keyed->ended.bytes, RECORD_DROP);
}

/* All of its keys go at once. */
void keyed_empty(KeyedState *keyed, StateTable *table)
{
    int64_t looks = INT64_MAX;
    if (table->is_saving)
        table_save_some(table, INT64_MAX, &looks);
    keyed_tell_end(keyed, table);
}

static void keyed_leave_use(KeyedState *keyed, StateTable *table)
{
    if (!table->is_in_use)
        return;
    table->is_in_use = false;
    int32_t at = 0;
    while (keyed->in_use[at] != table)
        at++;
    keyed->in_use[at] = keyed->in_use[--keyed->in_use_count];
}

void keyed_remove(KeyedState *keyed, StateTable *table)
{
    assert(table->keyed == keyed);
    keyed_empty(keyed, table);
    /* Of those that the pass has gone by, the last takes its place; of the others likewise. */
    int32_t hole = table->position;
    if (hole < keyed->current) {
        keyed_put(keyed, hole, keyed->tables[--keyed->current]);
        hole = keyed->current;
    }
    if (hole < --keyed->count)
        keyed_put(keyed, hole, keyed->tables[keyed->count]);
    keyed_leave_use(keyed, table);
    if (keyed->saved.table == table)
        keyed->saved.table = NULL;
    if (keyed->ended.table == table)
        keyed->ended.table = NULL;
    table->keyed = NULL;
}

static void keyed_hand_over(KeyedState *keyed, StateTable *table)
{
    KeyedHeir heir = table->heir;
    keyed->leaving -= table->is_leaving;
    table->is_leaving = false;
    table->is_saving = false;
    keyed_remove(keyed, table);
    heir.take(heir.context, table);
}

void keyed_let_go(KeyedState *keyed, StateTable *table, KeyedHeir heir)
{
    assert(table->keyed == keyed && table->cold == NULL && !table->is_leaving);
    table->heir = heir;
    table->is_leaving = table->is_saving;
    keyed->leaving += table->is_leaving;
    keyed_tell_end(keyed, table);
    if (!table->is_leaving)
        keyed_hand_over(keyed, table);
}

static void heir_free(void *context, StateTable *table)
{
    (void)context;
    table_free(table);
}

StateTable *keyed_renew(StateTable *table)
{
    if (table->keyed == NULL || table->cold != NULL || !table->is_saving) {
        table_clear(table);
        return table;
    }
    StateTable *renewed = table_new(table->key, table->value_bytes);
    table_describe(renewed, table->codec, table->owner);
    keyed_add(table->keyed, table->id, renewed);
    keyed_let_go(table->keyed, table, (KeyedHeir){.take = heir_free});
    return renewed;
}

int64_t keyed_bytes(const KeyedState *keyed)
{
    int64_t bytes = 0;
    for (int32_t i = 0; i < keyed->count; i++)
        bytes += table_bytes(keyed->tables[i]);
    return bytes;
}

int64_t keyed_leaving_bytes(const KeyedState *keyed)
{
    int64_t bytes = 0;
    for (int32_t i = 0; keyed->leaving > 0 && i < keyed->count; i++)
        bytes += keyed->tables[i]->is_leaving ? table_bytes(keyed->tables[i]) : 0;
    return bytes;
}

/* Saved or not. */
static void keyed_end_leaving(KeyedState *keyed)
{
    for (int32_t i = keyed->count - 1; keyed->leaving > 0 && i >= 0; i--)
        if (keyed->tables[i]->is_leaving)
            keyed_hand_over(keyed, keyed->tables[i]);
}

void keyed_free(KeyedState *keyed)
{
    if (keyed == NULL)
        return;
    keyed_end_leaving(keyed);
    for (int32_t i = 0; i < keyed->count; i++)
        keyed->tables[i]->keyed = NULL;
    memory_free(keyed->tables);
    memory_free(keyed->in_use);
    buffer_free(&keyed->saved.bytes);
    buffer_free(&keyed->ended.bytes);
    memory_free(keyed);
}

void keyed_begin(KeyedState *keyed, bool is_full)
{
    assert(!keyed->is_saving && keyed->leaving == 0 && keyed->saved.bytes.length == 0);
    keyed->is_saving = true;
    keyed->saves_all = is_full;
    keyed->current = 0;
    keyed->mark ^= ENTRY_COLOR;
    /* Keys that went are told before those that are there: they may have come again. */
    if (!is_full)
        buffer_append_str(&keyed->saved.bytes, buffer_str(&keyed->ended.bytes));
    keyed->saved.table = NULL;
    buffer_free(&keyed->ended.bytes);
    keyed->ended = (Records){0};
    for (int32_t i = 0; i < keyed->count; i++) {
        StateTable *table = keyed->tables[i];
        table->color = keyed->mark & ENTRY_COLOR;
        table->saves_all = is_full;
        table->save_cursor = 0;
        table->save_end = table->entry_end;
        table->is_saving = table->save_end > 0 || table->cold != NULL;
        if (table->cold != NULL)
            cold_begin_pass(table->cold);
        table->is_persisted = true;
    }
}

void keyed_enter_use(StateTable *table)
{
    KeyedState *keyed = table->keyed;
    if (keyed->in_use_count == keyed->in_use_capacity) {
        keyed->in_use_capacity = keyed->in_use_capacity == 0 ? 4 : keyed->in_use_capacity * 2;
        keyed->in_use =
            memory_resize(keyed->in_use, (int64_t)sizeof(StateTable *) * keyed->in_use_capacity);
    }
    keyed->in_use[keyed->in_use_count++] = table;
    table->is_in_use = true;
}

/* Some of the tables that have not been used for a while, as long as others need their memory. */
static Status keyed_make_idle_room(KeyedState *keyed, Error *error)
{
    for (int32_t i = 0; i < IDLE_LOOKS && i < keyed->count; i++) {
        keyed->idle = keyed->idle + 1 < keyed->count ? keyed->idle + 1 : 0;
        StateTable *table = keyed->tables[keyed->idle];
        if (table->cold == NULL)
            continue;
        if (!cold_is_short(table))
            return OK;
        if (keyed->round - table->used_round > IDLE_ROUNDS)
            TRY(cold_make_idle_room(table, 0, error));
    }
    return OK;
}

Status keyed_make_room(KeyedState *keyed, Error *error)
{
    keyed->round++;
    while (keyed->in_use_count > 0) {
        StateTable *table = keyed->in_use[keyed->in_use_count - 1];
        table->used_round = keyed->round;
        TRY(cold_make_room(table, error));
        keyed->in_use_count--;
        table->is_in_use = false;
    }
    return keyed_make_idle_room(keyed, error);
}

void keyed_note_growth(const StateTable *table, int64_t bytes)
{
    table->keyed->growth += bytes > 0 ? bytes : 0;
}

int64_t keyed_take_growth(KeyedState *keyed)
{
    int64_t growth = keyed->growth;
    keyed->growth = 0;
    return growth;
}

bool keyed_is_saving(const KeyedState *keyed)
{
    return keyed->is_saving;
}

bool keyed_save_next(StateTable *table)
{
    KeyedState *keyed = table->keyed;
    if (keyed == NULL || !table->is_saving)
        return false;
    assert(keyed->is_saving && table->position >= keyed->current);
    keyed_put(keyed, table->position, keyed->tables[keyed->current]);
    keyed_put(keyed, keyed->current, table);
    return true;
}

/* As they are, where they come first. */
static void records_hand_over(Records *records, Buffer *out)
{
    if (out->length == 0) {
        buffer_free(out);
        *out = records->bytes;
        records->bytes = (Buffer){0};
    }
    buffer_append_str(out, buffer_str(&records->bytes));
    buffer_free(&records->bytes);
    records->table = NULL;
}

bool keyed_step(KeyedState *keyed, int64_t bytes, Buffer *out)
{
    Records *saved = &keyed->saved;
    buffer_reserve(&saved->bytes, bytes < STEP_BYTES_RESERVED ? bytes : STEP_BYTES_RESERVED);
    int64_t looks = bytes == INT64_MAX ? INT64_MAX : STEP_LOOKS;
    while (keyed->current < keyed->count && saved->bytes.length < bytes && looks > 0) {
        StateTable *table = keyed->tables[keyed->current];
        if (table->is_saving)
            table_save_some(table, bytes, &looks);
        if (table->is_saving)
            continue;
        if (table->is_leaving)
            keyed_hand_over(keyed, table);
        else
            keyed->current++;
    }
    keyed->is_saving = keyed->current < keyed->count;
    records_hand_over(saved, out);
    return !keyed->is_saving;
}

int64_t keyed_saved_bytes(const KeyedState *keyed)
{
    return keyed->is_saving ? keyed->saved.bytes.length : 0;
}

/* ---- Loading ----------------------------------------------------------------------------- */

static bool choice_includes(const KeyedChoice *choice, uint64_t hash)
{
    return choice == NULL || choice->includes(choice->context, hash);
}

static StateTable *keyed_find(const KeyedState *keyed, KeyedId id)
{
    for (int32_t i = keyed->count - 1; i >= 0; i--)
        if (keyed->tables[i]->id.kind == id.kind && keyed->tables[i]->id.number == id.number)
            return keyed->tables[i];
    return NULL;
}

static bool load_value(StateTable *table, uint8_t *value, Str bytes)
{
    ByteReader in = byte_reader(bytes);
    table_touch(table, value);
    if (table->codec->clear != NULL)
        table->codec->clear(table->owner, value);
    memset(value, 0, (size_t)table->value_bytes);
    return value_load(table, value, &in) && !in.is_short && byte_reader_left(&in) == 0;
}

static bool load_words(StateTable *table, int32_t count, ByteReader *in, const KeyedChoice *owned)
{
    uint64_t words[TABLE_WORDS_MAX];
    uint64_t key = wordpack_take(in);
    for (int32_t i = 0; i < count; i++)
        words[i] = wordpack_take(in);
    if (in->is_short || table->key->kind != TABLE_KEY_WORD)
        return false;
    Probe probe = {.hash = word_hash(key), .word = key};
    if (!choice_includes(owned, probe.hash))
        return true;
    uint8_t *value = table_put_probe(table, &probe);
    return load_value(table, value,
                      str_make((const char *)words, count * (int64_t)sizeof words[0]));
}

static bool load_put(StateTable *table, ByteReader *in, const KeyedChoice *owned)
{
    uint8_t *value = NULL;
    bool is_owned = choice_includes(owned, table_peek_hash(in));
    if (!is_owned && !table_seek_key(table, in, &value))
        return false;
    if (is_owned && (value = table_load_key(table, in)) == NULL)
        return false;
    Str bytes = byte_reader_take(in, byte_reader_u32(in));
    if (!is_owned || in->is_short)
        return !in->is_short;
    return load_value(table, value, bytes);
}

static bool load_delete(StateTable *table, ByteReader *in)
{
    uint8_t *value;
    if (!table_seek_key(table, in, &value))
        return false;
    if (value != NULL && !planted(PLANTED_DELETE_NOT_RESTORED))
        table_delete(table, value);
    return true;
}

/* Only what its writer had: other shards may have written keys of the same table. */
static void load_drop(KeyedState *keyed, StateTable *table, const KeyedChoice *written)
{
    if (planted(PLANTED_DELETE_NOT_RESTORED))
        return;
    if (written != NULL) {
        int64_t cursor = 0;
        for (uint8_t *value = table_next(table, &cursor); value != NULL;
             value = table_next(table, &cursor))
            if (choice_includes(written, table_hash_of(table, value)))
                table_delete(table, value);
        if (table_count(table) > 0)
            return;
    }
    if (keyed->owner.drop != NULL)
        keyed->owner.drop(keyed->owner.context, table->id);
    else
        table_clear(table);
}

/* A look at the records to come, so that what their keys need is in the cache when it is their
 * turn: of 16 million keys, 3.4 s of 5.9 s went into waiting for memory without. */
typedef struct Ahead {
    ByteReader in; /* in front of the first record that was not looked at */
    uint64_t hashes[2 * PREFETCH_AHEAD];
    int64_t seen, loaded;
    bool is_over; /* the next is not a key of this table */
} Ahead;

static void ahead_begin(Ahead *ahead, const ByteReader *in)
{
    *ahead = (Ahead){.in = *in};
}

static bool record_is_words(uint8_t kind)
{
    return kind > RECORD_WORDS && kind <= RECORD_WORDS_END;
}

/* Past the next record; false: it is not a key of this table. */
static bool record_skip(ByteReader *in, const StateTable *table, uint64_t *hash)
{
    uint8_t kind = byte_reader_u8(in);
    if (record_is_words(kind)) {
        *hash = word_hash(wordpack_take(in));
        for (; kind > RECORD_WORDS; kind--)
            wordpack_take(in);
        return !in->is_short;
    }
    *hash = hash_plain(byte_reader_u64(in));
    bool has_bytes = byte_reader_u8(in) != 0;
    if (in->is_short || (kind != RECORD_PUT && kind != RECORD_DELETE))
        return false;
    if (has_bytes && table->key->kind == TABLE_KEY_WORD)
        byte_reader_take(in, (int64_t)sizeof(uint64_t));
    else if (has_bytes)
        byte_reader_bytes(in);
    if (kind == RECORD_PUT)
        byte_reader_bytes(in);
    return true;
}

static void ahead_look(Ahead *ahead, const StateTable *table)
{
    uint64_t hash;
    ahead->is_over = !record_skip(&ahead->in, table, &hash);
    if (ahead->is_over)
        return;
    table_prefetch_slot(table, hash);
    ahead->hashes[ahead->seen++ % (2 * PREFETCH_AHEAD)] = hash;
}

/* One more record is about to be loaded. */
static void ahead_step(Ahead *ahead, const StateTable *table)
{
    while (!ahead->is_over && ahead->seen < ahead->loaded + 2 * PREFETCH_AHEAD)
        ahead_look(ahead, table);
    if (ahead->loaded + PREFETCH_AHEAD < ahead->seen)
        table_prefetch_entry(
            table, ahead->hashes[(ahead->loaded + PREFETCH_AHEAD) % (2 * PREFETCH_AHEAD)]);
    ahead->loaded++;
}

/* The pages of the records to come that are on disk are read together. */
static void load_expect(StateTable *table, ByteReader in)
{
    uint64_t hashes[COLD_EXPECT_MAX];
    int32_t count = 0;
    while (count < COLD_EXPECT_MAX && record_skip(&in, table, &hashes[count]))
        count++;
    cold_expect(table, hashes, count);
}

static bool load_key_record(StateTable *table, uint8_t kind, ByteReader *in,
                            const KeyedChoice *owned)
{
    if (record_is_words(kind))
        return load_words(table, kind - RECORD_WORDS, in, owned);
    return kind == RECORD_PUT ? load_put(table, in, owned) : load_delete(table, in);
}

bool keyed_load(KeyedState *keyed, Str records, const KeyedChoice *owned,
                const KeyedChoice *written)
{
    Ahead ahead = {.is_over = true};
    ByteReader in = byte_reader(records);
    KeyedId id = {0};
    StateTable *table = NULL;
    bool has_table = false;
    while (byte_reader_left(&in) > 0 && !in.is_short) {
        ByteReader record = in;
        uint8_t kind = byte_reader_u8(&in);
        if (kind == RECORD_TABLE) {
            id.kind = byte_reader_u8(&in);
            id.number = (int64_t)byte_reader_u64(&in);
            table = keyed_find(keyed, id);
            has_table = true;
            ahead_begin(&ahead, &in);
            continue;
        }
        if (!has_table)
            return false;
        bool is_put = kind == RECORD_PUT || record_is_words(kind);
        if (table == NULL && is_put && keyed->owner.make != NULL)
            table = keyed->owner.make(keyed->owner.context, id);
        if (table == NULL && kind == RECORD_DROP)
            continue;
        if (table == NULL)
            return false;
        if (is_put || kind == RECORD_DELETE) {
            if (table->cold != NULL && ahead.loaded % COLD_EXPECT_MAX == 0)
                load_expect(table, record);
            ahead_step(&ahead, table);
            if (!load_key_record(table, kind, &in, owned))
                return false;
        } else if (kind == RECORD_DROP) {
            load_drop(keyed, table, written);
            table = keyed_find(keyed, id);
        } else {
            return false;
        }
    }
    return !in.is_short;
}

/* With several tables nobody knows whose keys come next. Room for one in fifty more, since records
 * differ in length: a table that is filled to the brim grows by half. */
void keyed_expect(KeyedState *keyed, int64_t loaded_bytes, int64_t coming_bytes)
{
    if (keyed->count != 1 || loaded_bytes == 0)
        return;
    StateTable *table = keyed->tables[0];
    if (table->cold != NULL)
        return;
    double keys = (double)table->count * (1.0 + (double)coming_bytes / (double)loaded_bytes);
    table_reserve(table, (int64_t)(keys * 1.02));
}
