/* Going through all pages: for those who want every entry, and for checkpoints. */
#include "state/cold_internal.h"

#include <stdlib.h>

/* ---- Iterating ---------------------------------------------------------------------------- */

void cold_release(StateTable *table)
{
    Cold *cold = table->cold;
    Page *page = cold->given_page;
    bool is_same = cold->given_count > 0 && !page->is_stored;
    for (int32_t i = 0; i < cold->given_count; i++) {
        Entry *entry = value_entry(table, cold->given[i]);
        /* It may have been deleted. */
        bool is_there = hash_plain(entry->hash) == cold->given_hashes[i];
        is_same = is_same && is_there && (entry->hash & ENTRY_CHANGED) == 0;
        if (!is_there)
            continue;
        cold_load(cold, &page, 1);
        cold_put(table, entry);
    }
    /* Who only looks on leaves nothing to be written. */
    if (is_same && page->depth == cold->was_depth) {
        page->is_saved = cold->was_saved;
        page->is_stored = cold->was_stored;
    }
    cold->given_count = cold->given_next = 0;
}

static void cold_give(Cold *cold, uint8_t *value, uint64_t hash)
{
    if (cold->given_count == cold->given_capacity) {
        int32_t capacity = cold->given_capacity == 0 ? LOAD_MAX : cold->given_capacity * 2;
        cold->given = memory_resize(cold->given, (int64_t)sizeof(uint8_t *) * capacity);
        cold->given_hashes =
            memory_resize(cold->given_hashes, (int64_t)sizeof(uint64_t) * capacity);
        cold->given_capacity = capacity;
    }
    cold->given[cold->given_count] = value;
    cold->given_hashes[cold->given_count++] = hash;
}

/* In the midst of going through many pages. Should it fail, there will be more of an occasion to
 * say so. */
static void cold_stay_small(StateTable *table)
{
    Status ignored = cold_trim(table, NULL);
    (void)ignored;
    packs_tidy(table->cold->packs);
}

void cold_load_ahead(Cold *cold, int64_t number)
{
    Page *pages[LOAD_AHEAD];
    int32_t count = 0, most = cold_load_most(cold, LOAD_AHEAD);
    for (; number < COLD_END && count < most; number = page_end(pages[count++]))
        pages[count] = cold_page_at(cold, number);
    cold_load(cold, pages, count);
}

static void cold_give_page(StateTable *table, Page *page)
{
    Record record;
    table->cold->given_page = page;
    table->cold->was_stored = page->is_stored;
    table->cold->was_saved = page->is_saved;
    table->cold->was_depth = page->depth;
    for (int32_t i = 0; i < pack_count(page->pack); i++) {
        if ((pack_flags(page->pack)[i] & RECORD_TAKEN) != 0)
            continue;
        cold_read(table, page, i, &record);
        uint8_t *value = cold_take(table, page, i, &record);
        cold_give(table->cold, value, record.probe.hash);
    }
}

int32_t cold_next_run(StateTable *table, int64_t *cursor, uint8_t **values, int32_t room)
{
    Cold *cold = table->cold;
    keyed_note_use(table);
    if (*cursor == 0)
        cold_release(table);
    while (cold->given_next == cold->given_count) {
        cold_release(table);
        if (*cursor >= COLD_END)
            return 0;
        cold_stay_small(table);
        Page *page = cold_page_at(cold, *cursor);
        if (page_is_away(page))
            cold_load_ahead(cold, *cursor);
        cold_give_page(table, page);
        *cursor = page_end(page);
    }
    int32_t count = 0;
    while (count < room && cold->given_next < cold->given_count)
        values[count++] = cold->given[cold->given_next++];
    return count;
}

/* ---- Reading ------------------------------------------------------------------------------ */

static uint8_t *reading_entry(const StateTable *table, int32_t at)
{
    return table->cold->reading.entries + (int64_t)at * table->entry_bytes;
}

void cold_end_reading(StateTable *table)
{
    Reading *reading = &table->cold->reading;
    for (int32_t i = 0; i < reading->count; i++) {
        uint8_t *value = entry_value(table, reading_entry(table, i));
        if (table->codec->clear != NULL)
            table->codec->clear(table->owner, value);
    }
    reading->count = reading->next = 0;
}

/* Long keys are copied, since a record is only good until the next. */
static void cold_read_entry(StateTable *table, const Record *record, Arena *keys)
{
    Reading *reading = &table->cold->reading;
    uint8_t *bytes = reading_entry(table, reading->count++);
    memset(bytes, 0, (size_t)table->entry_bytes);
    Entry *entry = (Entry *)(void *)bytes;
    entry->hash = record->probe.hash;
    if (record->probe.view == NULL)
        entry->word = record->probe.word;
    else
        entry->view = str_view_copy(keys, str_view_str(record->probe.view));
    ByteReader in = byte_reader(record->value);
    bool is_sound = value_load(table, entry_value(table, bytes), &in);
    assert(is_sound && byte_reader_left(&in) == 0);
}

static void cold_read_page(StateTable *table, Page *page)
{
    Cold *cold = table->cold;
    Reading *reading = &cold->reading;
    int32_t count = pack_count(page->pack);
    if (count > reading->capacity) {
        reading->capacity = count;
        reading->entries =
            memory_resize(reading->entries, (int64_t)table->entry_bytes * reading->capacity);
        reading->order =
            memory_resize(reading->order, (int64_t)sizeof(uint64_t) * reading->capacity);
    }
    if (cold->reading_keys == NULL)
        cold->reading_keys = arena_new(0);
    arena_reset(cold->reading_keys);
    Record record;
    for (int32_t i = 0; i < count; i++) {
        if ((pack_flags(page->pack)[i] & RECORD_TAKEN) != 0)
            continue;
        cold_read(table, page, i, &record);
        cold_read_entry(table, &record, cold->reading_keys);
    }
}

/* The next page that has entries, if it starts before number `end`. */
static bool cold_read_next(StateTable *table, int64_t *cursor, int64_t end)
{
    Cold *cold = table->cold;
    cold_end_reading(table);
    while (cold->reading.count == 0 && *cursor < end) {
        Page *page = cold_page_at(cold, *cursor);
        if (page_is_away(page)) {
            cold_stay_small(table);
            cold_load_ahead(cold, *cursor);
        }
        cold_read_page(table, page);
        *cursor = page_end(page);
    }
    return cold->reading.count > 0;
}

int32_t cold_read_run(StateTable *table, int64_t *cursor, uint8_t **values, int32_t room)
{
    Reading *reading = &table->cold->reading;
    if (*cursor == 0)
        cold_end_reading(table);
    if (reading->next == reading->count && !cold_read_next(table, cursor, COLD_END))
        return 0;
    int32_t count = 0;
    while (count < room && reading->next < reading->count)
        values[count++] = entry_value(table, reading_entry(table, reading->next++));
    return count;
}

static int reading_order(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
    return (left > right) - (left < right);
}

static void reading_sort(const StateTable *table)
{
    Reading *reading = &table->cold->reading;
    for (int32_t i = 0; i < reading->count; i++) {
        const Entry *entry = (const Entry *)(const void *)reading_entry(table, i);
        reading->order[i] = (uint64_t)page_tag(entry->hash) << 32 | (uint32_t)i;
    }
    qsort(reading->order, (size_t)reading->count, sizeof(uint64_t), reading_order);
}

int32_t cold_read_until(StateTable *table, int64_t *cursor, int64_t until, uint8_t **values,
                        int32_t room)
{
    Reading *reading = &table->cold->reading;
    if (*cursor == 0)
        cold_end_reading(table);
    if (reading->next == reading->count) {
        if (!cold_read_next(table, cursor, until))
            return 0;
        reading_sort(table);
    }
    int32_t count = 0;
    for (; count < room && reading->next < reading->count; reading->next++) {
        uint64_t place = reading->order[reading->next];
        if ((int64_t)(place >> 32) >= until)
            break;
        values[count++] = entry_value(table, reading_entry(table, (int32_t)(uint32_t)place));
    }
    return count;
}

/* ---- Passes ------------------------------------------------------------------------------- */

void cold_begin_pass(Cold *cold)
{
    cold->pass_cursor = 0;
}

/* All records that are to be saved, but for those that are at hand. */
void cold_save_page(StateTable *table, Page *page)
{
    uint8_t *flags = page->pack == NULL ? NULL : pack_flags(page->pack);
    bool has_dirty = false;
    Record record;
    for (int32_t i = 0; i < pack_count(page->pack); i++) {
        if ((flags[i] & RECORD_TAKEN) != 0)
            continue;
        bool is_dirty = !page->is_saved && (flags[i] & ENTRY_DIRTY) != 0;
        bool is_done = !page->is_saved && (flags[i] & RECORD_DONE) != 0;
        has_dirty |= is_done && is_dirty;
        if (is_done || (!is_dirty && !table->saves_all))
            continue;
        cold_read(table, page, i, &record);
        table_save_record(table, &record.probe, record.value);
    }
    if (!has_dirty) {
        page->is_saved = true;
        return;
    }
    page->is_stored = false;
    for (int32_t i = 0; i < pack_count(page->pack); i++)
        flags[i] = (flags[i] & RECORD_DONE) != 0
                       ? (uint8_t)(flags[i] & ~(uint32_t)RECORD_DONE)
                       : (uint8_t)((flags[i] & RECORD_TAKEN) | ENTRY_PERSISTED);
}

bool cold_save_some(StateTable *table, const Buffer *out, int64_t bytes, int64_t *looks)
{
    Cold *cold = table->cold;
    while (cold->pass_cursor < COLD_END && out->length < bytes && (*looks)-- > 0) {
        Page *page = cold_page_at(cold, cold->pass_cursor);
        cold->pass_cursor = page_end(page);
        if (page->color == table->color)
            continue;
        if (table->saves_all || !page->is_saved) {
            if (page_is_away(page)) {
                cold_stay_small(table);
                cold_load_ahead(cold, page->number);
            }
            cold_save_page(table, page);
        }
        page->color = table->color;
    }
    cold_stay_small(table);
    return cold->pass_cursor >= COLD_END;
}
