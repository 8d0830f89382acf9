/* Pages as entries that are in no table, and back. */
#include "state/edit.h"

#include "data/rowcode.h"
#include "state/cold_internal.h"

enum {
    ENTRIES_FIRST = 128,
    PAGES_PER_TRIM = LOAD_AHEAD,
    SLOT_HASH_SHIFT = 37, /* above the bits that say which page it is */
};

struct TableEdit {
    StateTable *table;
    int64_t cursor; /* the next page; COLD_END: that of the NULL key */
    int32_t untrimmed;
    Page *page;   /* at hand; NULL: none, or that of the NULL key */
    bool is_null; /* that is */
    bool is_changed;
    uint8_t *entries;
    int32_t *sources; /* of each entry, the record that it was; -1: none */
    int32_t count, capacity, taken_count;
    int32_t *slots; /* 1 + the entry, by hash; 0: none */
    int32_t slot_count, indexed;
    Arena *keys; /* long ones */
    Buffer bytes;
    int64_t *starts; /* of records in it; and what they are made into: */
    Str *records;
    uint8_t *flags;
    int32_t *places;
};

TableEdit *edit_new(StateTable *table)
{
    assert(table->cold != NULL);
    TableEdit *edit = memory_allocate_zeroed((int64_t)sizeof *edit);
    edit->table = table;
    table->cold->has_edit = true;
    edit->keys = arena_new(0);
    edit->cursor = COLD_END + 1;
    return edit;
}

static Entry *edit_entry(const TableEdit *edit, int32_t at)
{
    return (Entry *)(void *)(edit->entries + (int64_t)at * edit->table->entry_bytes);
}

static uint8_t *edit_value_of(const TableEdit *edit, int32_t at)
{
    return entry_value(edit->table, (uint8_t *)edit_entry(edit, at));
}

static void edit_give_up_value(const TableEdit *edit, uint8_t *value)
{
    const StateTable *table = edit->table;
    if (table->codec->clear != NULL)
        table->codec->clear(table->owner, value);
}

static void edit_clear(TableEdit *edit)
{
    for (int32_t i = 0; edit->table->codec->clear != NULL && i < edit->count; i++)
        if (edit_entry(edit, i)->hash != 0)
            edit_give_up_value(edit, edit_value_of(edit, i));
    edit->count = edit->indexed = 0;
    edit->page = NULL;
    edit->is_null = edit->is_changed = false;
    arena_reset(edit->keys);
}

void edit_free(TableEdit *edit)
{
    if (edit == NULL)
        return;
    edit_clear(edit);
    arena_free(edit->keys);
    buffer_free(&edit->bytes);
    memory_free(edit->entries);
    memory_free(edit->sources);
    memory_free(edit->slots);
    memory_free(edit->starts);
    memory_free(edit->records);
    memory_free(edit->flags);
    memory_free(edit->places);
    memory_free(edit);
}

static void edit_reserve(TableEdit *edit, int64_t count)
{
    if (count <= edit->capacity)
        return;
    int64_t capacity = edit->capacity == 0 ? ENTRIES_FIRST : edit->capacity;
    while (capacity < count)
        capacity *= 2;
    assert(capacity <= INT32_MAX / 2);
    edit->entries = memory_resize(edit->entries, edit->table->entry_bytes * capacity);
    edit->sources = memory_resize(edit->sources, (int64_t)sizeof(int32_t) * capacity);
    edit->starts = memory_resize(edit->starts, (int64_t)sizeof(int64_t) * (capacity + 1));
    edit->records = memory_resize(edit->records, (int64_t)sizeof(Str) * capacity);
    edit->flags = memory_resize(edit->flags, capacity);
    edit->places = memory_resize(edit->places, (int64_t)sizeof(int32_t) * capacity);
    edit->capacity = (int32_t)capacity;
}

/* ---- Unpacking --------------------------------------------------------------------------- */

/* Where a value is its own record, that of a word lies in the pack as it does in the entry. */
static bool edit_is_plain(const StateTable *table)
{
    return table->codec->save == NULL && table->key->kind == TABLE_KEY_WORD;
}

static int32_t edit_record_bytes(const StateTable *table)
{
    return table->entry_bytes - (int32_t)sizeof(uint64_t);
}

static uint64_t edit_hash(const TableEdit *edit, int32_t at, uint64_t hash)
{
    const Page *page = edit->page;
    uint64_t kept = page->is_saved
                        ? ENTRY_PERSISTED
                        : pack_flags(page->pack)[at] & (uint32_t)(ENTRY_DIRTY | ENTRY_PERSISTED);
    return hash | kept | edit->table->color;
}

static void edit_unpack_plain(TableEdit *edit)
{
    const StateTable *table = edit->table;
    Pack *pack = edit->page->pack;
    int32_t stride = table->entry_bytes, count = pack_count(pack);
    const uint8_t *flags = pack_flags(pack);
    pack_unpack(pack, edit->entries + sizeof(uint64_t), stride);
    for (int32_t i = 0; i < count; i++) {
        if ((flags[i] & RECORD_TAKEN) != 0)
            continue;
        Entry *entry = edit_entry(edit, edit->count);
        if (edit->count < i)
            memcpy(entry, edit_entry(edit, i), (size_t)stride);
        entry->hash = edit_hash(edit, i, table_hash_of_key(rowcode_hash_word(entry->word)));
        edit->sources[edit->count++] = i;
    }
}

static void edit_unpack_each(TableEdit *edit)
{
    const StateTable *table = edit->table;
    Pack *pack = edit->page->pack;
    const uint8_t *flags = pack_flags(pack);
    Record record;
    for (int32_t i = 0; i < pack_count(pack); i++) {
        if ((flags[i] & RECORD_TAKEN) != 0)
            continue;
        cold_read(table, edit->page, i, &record);
        int32_t at = edit->count++;
        Entry *entry = edit_entry(edit, at);
        memset(entry, 0, (size_t)table->entry_bytes);
        entry->hash = edit_hash(edit, i, record.probe.hash);
        if (record.probe.view == NULL)
            entry->word = record.probe.word;
        else
            entry->view = str_view_copy(edit->keys, str_view_str(record.probe.view));
        ByteReader in = byte_reader(record.value);
        bool is_sound = value_load(table, edit_value_of(edit, at), &in);
        assert(is_sound && byte_reader_left(&in) == 0);
        edit->sources[at] = i;
    }
}

static void edit_unpack(TableEdit *edit)
{
    const Pack *pack = edit->page->pack;
    edit_reserve(edit, pack_count(pack));
    if (pack != NULL && edit_is_plain(edit->table) &&
        pack_record_bytes(pack) == edit_record_bytes(edit->table))
        edit_unpack_plain(edit);
    else if (pack != NULL)
        edit_unpack_each(edit);
    edit->taken_count = edit->count;
}

/* ---- From page to page ------------------------------------------------------------------- */

Status edit_begin(TableEdit *edit, TableBeside *beside, int32_t count, Error *error)
{
    assert(edit->page == NULL && !edit->is_null);
    TRY(table_put_away(edit->table, error));
    for (int32_t i = 0; i < count; i++) {
        assert(beside[i].table != edit->table);
        TRY(table_put_away(beside[i].table, error));
        beside[i].cursor = 0;
    }
    edit->cursor = 0;
    edit->untrimmed = 0;
    edit->table->cold->is_edited = true;
    return OK;
}

/* Pages leave memory all at once, those that were read together: one by one, those that are still
 * to come would be among them. */
static Status edit_make_room(TableEdit *edit, bool is_reading, Error *error)
{
    if (!is_reading && ++edit->untrimmed < PAGES_PER_TRIM)
        return OK;
    edit->untrimmed = 0;
    TRY(cold_trim(edit->table, error));
    packs_tidy(edit->table->cold->packs);
    return OK;
}

static int32_t beside_depth(const TableBeside *beside, int64_t number)
{
    const Page *page = cold_page_at(beside->table->cold, number);
    return page->pack != NULL || page->is_stored ? page->depth : 0;
}

/* A page with few of the table's keys may get very many: it divides before. */
static void edit_divide(const TableEdit *edit, Page *page, const TableBeside *beside, int32_t count)
{
    int32_t depth = 0;
    for (int32_t i = 0; i < count; i++) {
        int32_t own = beside_depth(&beside[i], edit->cursor);
        depth = own > depth ? own : depth;
    }
    while (page->depth < depth) {
        if (page->pack != NULL)
            cold_divide(edit->table, page, true);
        else
            cold_split(edit->table->cold, page);
        page->is_stored = false;
    }
}

Status edit_next(TableEdit *edit, const TableBeside *beside, int32_t count, bool *is_there,
                 Error *error)
{
    StateTable *table = edit->table;
    assert(edit->page == NULL && !edit->is_null && table->count <= 1);
    *is_there = edit->cursor <= COLD_END;
    if (!*is_there)
        return OK;
    if (edit->cursor == COLD_END) {
        table->cold->is_edited = false;
        edit->is_null = true;
        edit->cursor++;
        return OK;
    }
    Page *page = cold_page_at(table->cold, edit->cursor);
    TRY(edit_make_room(edit, page_is_away(page), error));
    if (page_is_away(page))
        cold_load_ahead(table->cold, edit->cursor);
    edit_divide(edit, page, beside, count);
    if (page->color != table->color) {
        cold_save_page(table, page);
        page->color = table->color;
    }
    edit->page = page;
    edit_unpack(edit);
    edit->cursor = page_end(page);
    return OK;
}

int32_t edit_beside(const TableEdit *edit, TableBeside *beside, uint8_t **values, int32_t room)
{
    if (edit->page != NULL)
        return cold_read_until(beside->table, &beside->cursor, edit->cursor, values, room);
    values[0] = table_get_null(beside->table);
    bool is_new = beside->cursor <= COLD_END;
    beside->cursor = COLD_END + 1;
    return is_new && values[0] != NULL;
}

/* ---- What is in it ----------------------------------------------------------------------- */

static int32_t edit_slot(const TableEdit *edit, uint64_t hash)
{
    return (int32_t)(hash >> SLOT_HASH_SHIFT) & (edit->slot_count - 1);
}

static void edit_index_entry(TableEdit *edit, int32_t at)
{
    int32_t slot = edit_slot(edit, edit_entry(edit, at)->hash);
    while (edit->slots[slot] != 0)
        slot = (slot + 1) & (edit->slot_count - 1);
    edit->slots[slot] = at + 1;
}

/* Entries can be found, and so many more. */
static void edit_index(TableEdit *edit, int32_t more)
{
    bool has_room = 2 * (edit->count + more) <= edit->slot_count;
    if (!has_room) {
        int32_t slots = edit->slot_count == 0 ? 2 * ENTRIES_FIRST : edit->slot_count;
        while (slots < 2 * (edit->count + more))
            slots *= 2;
        edit->slots = memory_resize(edit->slots, (int64_t)sizeof(int32_t) * slots);
        edit->slot_count = slots;
    }
    if (!has_room || edit->indexed == 0) {
        memset(edit->slots, 0, sizeof(int32_t) * (size_t)edit->slot_count);
        edit->indexed = 0;
    }
    for (; edit->indexed < edit->count; edit->indexed++)
        if (edit_entry(edit, edit->indexed)->hash != 0)
            edit_index_entry(edit, edit->indexed);
}

static bool entry_is(const Entry *entry, const Probe *probe)
{
    if (probe->view == NULL)
        return entry->word == probe->word && entry->hash != 0;
    return hash_plain(entry->hash) == probe->hash && str_view_equal(&entry->view, probe->view);
}

static uint8_t *edit_insert(TableEdit *edit, const Probe *probe)
{
    int32_t at = edit->count++;
    assert(at < edit->capacity);
    Entry *entry = edit_entry(edit, at);
    memset(entry, 0, (size_t)edit->table->entry_bytes);
    entry->hash = probe->hash | edit->table->color;
    if (probe->view == NULL)
        entry->word = probe->word;
    else
        entry->view = str_view_copy(edit->keys, str_view_str(probe->view));
    edit->sources[at] = -1;
    edit_index_entry(edit, at);
    edit->indexed++;
    return edit_value_of(edit, at);
}

static uint8_t *edit_put(TableEdit *edit, const Probe *probe)
{
    int32_t slot = edit_slot(edit, probe->hash);
    for (; edit->slots[slot] != 0; slot = (slot + 1) & (edit->slot_count - 1)) {
        int32_t at = edit->slots[slot] - 1;
        if (entry_is(edit_entry(edit, at), probe))
            return edit_value_of(edit, at);
    }
    return edit_insert(edit, probe);
}

void edit_find_or_insert(TableEdit *edit, const StateTable *from, const uint8_t *const *values,
                         int32_t count, uint8_t **found)
{
    StateTable *table = edit->table;
    if (edit->is_null) {
        assert(count <= 1);
        for (int32_t i = 0; i < count; i++)
            found[i] = table_find_or_insert_from(table, from, values[i]);
        return;
    }
    if (count == 0)
        return;
    edit_reserve(edit, (int64_t)edit->count + count);
    edit_index(edit, count);
    for (int32_t i = 0; i < count; i++) {
        Probe probe = entry_probe(from, value_entry(from, values[i]));
        found[i] = edit_put(edit, &probe);
        edit_touch(edit, found[i]);
    }
}

int32_t edit_count(const TableEdit *edit)
{
    return edit->is_null ? 1 : edit->count;
}

uint8_t *edit_value(const TableEdit *edit, int32_t at)
{
    assert(at >= 0 && at < edit_count(edit));
    if (edit->is_null)
        return table_get_null(edit->table);
    return edit_entry(edit, at)->hash == 0 ? NULL : edit_value_of(edit, at);
}

void edit_touch(TableEdit *edit, uint8_t *value)
{
    if (edit->is_null) {
        table_touch(edit->table, value);
        return;
    }
    value_entry(edit->table, value)->hash |= ENTRY_DIRTY | ENTRY_CHANGED;
    edit->is_changed = true;
}

void edit_delete(TableEdit *edit, uint8_t *value)
{
    StateTable *table = edit->table;
    if (edit->is_null) {
        table_delete(table, value);
        return;
    }
    Entry *entry = value_entry(table, value);
    table_save_end(table, entry);
    edit_give_up_value(edit, value);
    entry->hash = 0;
    edit->is_changed = true;
}

/* ---- Packing ----------------------------------------------------------------------------- */

/* The record of an entry, behind those before; as it was, if it has not changed. */
static void edit_write(TableEdit *edit, int32_t at)
{
    StateTable *table = edit->table;
    const Entry *entry = edit_entry(edit, at);
    bool is_new = edit->sources[at] < 0 || (entry->hash & ENTRY_CHANGED) != 0;
    Buffer *record = &table->cold->record;
    if (is_new)
        cold_write(table, entry, record);
    else
        pack_get(edit->page->pack, edit->sources[at], record);
    buffer_append_str(&edit->bytes, buffer_str(record));
}

static void edit_write_records(TableEdit *edit)
{
    bool is_plain = edit_is_plain(edit->table);
    edit->bytes.length = 0;
    for (int32_t i = 0; !is_plain && i < edit->count; i++) {
        edit->starts[i] = edit->bytes.length;
        if (edit_entry(edit, i)->hash != 0)
            edit_write(edit, i);
    }
    edit->starts[edit->count] = edit->bytes.length;
}

static Str edit_record(const TableEdit *edit, int32_t at)
{
    if (edit_is_plain(edit->table))
        return str_make((const char *)edit_entry(edit, at) + sizeof(uint64_t),
                        edit_record_bytes(edit->table));
    return str_make(edit->bytes.data + edit->starts[at], edit->starts[at + 1] - edit->starts[at]);
}

/* The entries places[0 … count - 1] are those of the page, or of it and others that it makes. */
static void edit_pack(TableEdit *edit, Page *page, int32_t *places, int32_t count)
{
    Cold *cold = edit->table->cold;
    for (int32_t i = 0; i < count; i++) {
        edit->records[i] = edit_record(edit, places[i]);
        edit->flags[i] =
            edit_entry(edit, places[i])->hash & (uint32_t)(ENTRY_DIRTY | ENTRY_PERSISTED);
    }
    bool may_divide = cold_may_divide(cold, page);
    if (!may_divide || !page_is_large(cold, count, 0, NULL)) {
        Pack *pack = pack_make(cold->packs, edit->records, edit->flags, count);
        if (!may_divide || !page_is_large(cold, count, pack_bytes(pack), pack)) {
            page_set_pack(cold, page, pack);
            return;
        }
        packs_release(cold->packs, pack);
    }
    Page *other = cold_split(cold, page);
    int32_t lower = 0;
    for (int32_t i = 0; i < count; i++) {
        int32_t place = places[i];
        uint32_t tag = page_tag(edit_entry(edit, place)->hash);
        if (tag >= other->number)
            continue;
        places[i] = places[lower];
        places[lower++] = place;
    }
    edit_pack(edit, page, places, lower);
    edit_pack(edit, other, places + lower, count - lower);
}

static void edit_pack_all(TableEdit *edit)
{
    Cold *cold = edit->table->cold;
    Page *page = edit->page;
    Pack *old = page->pack;
    int32_t count = 0;
    edit_write_records(edit);
    for (int32_t i = 0; i < edit->count; i++) {
        edit->places[count] = i;
        count += edit_entry(edit, i)->hash != 0;
    }
    page->pack = NULL;
    page->is_stored = page->is_saved = false;
    edit_pack(edit, page, edit->places, count);
    packs_release(cold->packs, old);
    cold->record_count += count - edit->taken_count;
}

void edit_close(TableEdit *edit)
{
    assert(edit->page != NULL || edit->is_null);
    if (edit->page != NULL) {
        edit->page->is_used = false;
        if (edit->is_changed)
            edit_pack_all(edit);
    }
    edit_clear(edit);
}
