/* Entries into pages, and pages into RocksDB. */
#include "state/cold_internal.h"

#include <stdlib.h>

#include "data/rowcode.h"

enum {
    PACK_OVERHEAD = 16, /* of the heap */
    NOTES_RUN = 128,
    SWEEP_SLOTS = 256,
    KEEPS_MAX = 1024,          /* records of a page that is looked through for taken ones */
    STORE_MAX = 64,            /* pages written at once, of so many bytes: */
    STORE_BYTES_MAX = 1 << 20, /* RocksDB has them in memory twice */
    SLOT_BYTES = 32,           /* on average, of an entry */
    OWNED_FACTOR = 2,          /* what a value owns takes more on the heap than in a record */
    OWNED_WIDE = 4096,         /* … but for long texts, */
    OWNED_WIDE_DIVISOR = 8,    /* which take little more */
    CHUNK_BYTES_FIRST = 256,   /* of pages */
    FIRST_RECORDS = 16,        /* put, before their mean length is believed */
    LOOKS_MIN = 32 << 10,      /* at keys, and one more for each that has room at hand, … */
    HITS_PART = 4,       /* … of which so many must be there for room to be of use; or else … */
    PASSING_FACTOR = 32, /* … none is kept at hand for so many times as many */
    SAMPLE_TURNS = 64,
    SAMPLE_BYTES = 1 << 20,
};

/* ---- Accounts ---------------------------------------------------------------------------- */

static Page **cold_listed_at(Cold *cold, int64_t at)
{
    return &cold->listed[at & (cold->listed_capacity - 1)];
}

/* Pages in memory stand in a ring, in the order in which they came there, for the hand that looks
 * for what can go. One whose pack has gone meanwhile stays until the hand comes by. Where all pages
 * are gone through one after the other, those that come are the first to go: of the others, which
 * stay, the next round has some use. */
static void cold_list(Cold *cold, Page *page)
{
    if (page->is_listed)
        return;
    if (cold->listed_count == cold->listed_capacity) {
        int64_t capacity = cold->listed_capacity == 0 ? 16 : cold->listed_capacity * 2;
        Page **listed = memory_allocate((int64_t)sizeof(Page *) * capacity);
        for (int64_t i = 0; i < cold->listed_count; i++)
            listed[i] = *cold_listed_at(cold, cold->listed_first + i);
        memory_free(cold->listed);
        cold->listed = listed;
        cold->listed_first = 0;
        cold->listed_capacity = capacity;
    }
    int64_t at = cold->is_edited ? --cold->listed_first : cold->listed_first + cold->listed_count;
    cold->listed_first &= cold->listed_capacity - 1;
    cold->listed_count++;
    *cold_listed_at(cold, at) = page;
    page->is_listed = true;
}

static Page *cold_take_listed(Cold *cold)
{
    assert(cold->listed_count > 0);
    Page *page = *cold_listed_at(cold, cold->listed_first);
    cold->listed_first = (cold->listed_first + 1) & (cold->listed_capacity - 1);
    cold->listed_count--;
    page->is_listed = false;
    return page;
}

void page_set_pack(Cold *cold, Page *page, Pack *pack)
{
    if (pack != NULL)
        cold_list(cold, page);
    page->pack = pack;
    if (pack != NULL)
        packs_settle(pack, (void **)&page->pack);
}

int64_t cold_count(const Cold *cold)
{
    return cold->record_count;
}

int64_t cold_bytes(const Cold *cold)
{
    int64_t pages = cold->page_count * ((int64_t)sizeof(Page) + PACK_OVERHEAD);
    int64_t places = cold_size(cold) + cold->listed_capacity;
    int64_t notes = (int64_t)sizeof(Note) * cold->note_capacity;
    return packs_bytes(cold->packs) + pages + (int64_t)sizeof(Page *) * places + notes;
}

/* What values own lies elsewhere, in the measure of what their records are longer. */
static int64_t cold_owned_guess(const StateTable *table)
{
    const Cold *cold = table->cold;
    int64_t record =
        cold->put_count < FIRST_RECORDS ? cold->sample_bytes : cold->put_bytes / cold->put_count;
    int64_t owned = record - table->entry_bytes;
    if (owned <= 0)
        return 0;
    return owned < OWNED_WIDE ? owned * OWNED_FACTOR : owned + owned / OWNED_WIDE_DIVISOR;
}

/* A few wide values that stay, each among many that have gone, hold much more than their own. */
static int64_t cold_entry_bytes(const StateTable *table)
{
    int64_t owned = cold_owned_guess(table);
    if (table->codec->owned_bytes != NULL && table->count > 0) {
        int64_t held = table->codec->owned_bytes(table->owner) / table->count;
        owned = held > owned ? held : owned;
    }
    return table->entry_bytes + SLOT_BYTES + owned;
}

static int64_t cold_account(StateTable *table)
{
    Cold *cold = table->cold;
    int64_t entries = table_bytes_at_hand(table), by_count = table->count * cold_entry_bytes(table);
    int64_t bytes = (entries > by_count ? entries : by_count) + cold_bytes(cold);
    spill_account(cold->spill, bytes - cold->accounted);
    spill_account_at_hand(cold->spill, by_count - cold->accounted_at_hand);
    cold->accounted = bytes;
    cold->accounted_at_hand = by_count;
    return bytes;
}

/* ---- Life -------------------------------------------------------------------------------- */

/* Each is twice as large as the one before. */
static void cold_add_chunk(Cold *cold)
{
    PageChunk *older = cold->chunks;
    int64_t bytes = older == NULL ? CHUNK_BYTES_FIRST : 2 * older->bytes;
    bytes = bytes < MEMORY_LARGE_PAGE ? bytes : MEMORY_LARGE_PAGE;
    cold->chunks = bytes < MEMORY_LARGE_PAGE ? memory_allocate(bytes) : memory_map(bytes);
    *cold->chunks = (PageChunk){.older = older, .bytes = bytes, .used = (int64_t)sizeof(PageChunk)};
}

static void cold_free_chunks(Cold *cold)
{
    while (cold->chunks != NULL) {
        PageChunk *chunk = cold->chunks;
        cold->chunks = chunk->older;
        if (chunk->bytes < MEMORY_LARGE_PAGE)
            memory_free(chunk);
        else
            memory_unmap(chunk, chunk->bytes);
    }
}

Page *page_new(Cold *cold, uint32_t number, int32_t depth, uint8_t color)
{
    if (cold->chunks == NULL || cold->chunks->bytes - cold->chunks->used < (int64_t)sizeof(Page))
        cold_add_chunk(cold);
    Page *page = (Page *)(void *)((uint8_t *)cold->chunks + cold->chunks->used);
    cold->chunks->used += (int64_t)sizeof *page;
    *page = (Page){.number = number, .depth = (uint8_t)depth, .color = color};
    cold->page_count++;
    return page;
}

static void cold_start(Cold *cold, uint8_t color)
{
    cold->directory = memory_allocate((int64_t)sizeof(Page *));
    cold->directory[0] = page_new(cold, 0, 0, color);
    cold->packs = packs_new();
}

Cold *cold_new(StateTable *table, Spill *spill)
{
    assert(table->count == 0 && table->keyed != NULL);
    Cold *cold = memory_allocate_zeroed((int64_t)sizeof *cold);
    cold->spill = spill;
    cold->id = spill_enter(spill);
    cold_start(cold, table->color);
    return cold;
}

static void cold_free_pages(Cold *cold)
{
    cold_free_chunks(cold);
    memory_free(cold->directory);
    packs_free(cold->packs);
}

static void cold_free_notes(Cold *cold)
{
    memory_free(cold->notes);
    cold->notes = NULL;
    cold->note_count = cold->note_capacity = 0;
}

static void cold_forget(Cold *cold)
{
    if (cold->has_stored)
        spill_forget(cold->spill, cold->id);
    cold->has_stored = false;
}

void cold_clear(StateTable *table)
{
    Cold *cold = table->cold;
    cold_end_reading(table);
    uint8_t color = cold->directory[0]->color;
    cold_free_pages(cold);
    cold_forget(cold);
    cold->bits = 0;
    cold->page_count = cold->record_count = 0;
    cold->slot_hand = 0;
    cold->listed_first = cold->listed_count = 0;
    cold->pass_cursor = 0;
    cold->given_count = cold->given_next = 0;
    cold->note_count = 0;
    cold_start(cold, color);
}

void cold_free(StateTable *table)
{
    Cold *cold = table->cold;
    if (cold == NULL)
        return;
    cold_end_reading(table);
    table->cold = NULL;
    cold_free_pages(cold);
    cold_forget(cold);
    spill_account(cold->spill, -cold->accounted);
    spill_account_at_hand(cold->spill, -cold->accounted_at_hand);
    spill_leave(cold->spill);
    buffer_free(&cold->record);
    memory_free(cold->reading.entries);
    memory_free(cold->reading.order);
    arena_free(cold->reading_keys);
    memory_free(cold->listed);
    memory_free(cold->late);
    cold_free_notes(cold);
    memory_free(cold->given);
    memory_free(cold->given_hashes);
    memory_free(cold);
}

/* ---- Records ------------------------------------------------------------------------------ */

void cold_write(const StateTable *table, const Entry *entry, Buffer *out)
{
    bool is_word = table->key->kind == TABLE_KEY_WORD;
    out->length = 0;
    buffer_append_u64(out, is_word ? entry->word : hash_plain(entry->hash));
    if (!is_word)
        buffer_append_u32(out, (uint32_t)entry->view.length);
    value_save(table, entry_value(table, (uint8_t *)(uintptr_t)entry), out);
    if (!is_word)
        buffer_append_str(out, str_view_str(&entry->view));
}

void cold_read(const StateTable *table, const Page *page, int32_t at, Record *record)
{
    Buffer *bytes = &table->cold->record;
    pack_get(page->pack, at, bytes);
    ByteReader in = byte_reader(buffer_str(bytes));
    uint64_t mark = byte_reader_u64(&in);
    if (table->key->kind == TABLE_KEY_WORD) {
        record->probe = (Probe){.hash = table_hash_of_key(rowcode_hash_word(mark)), .word = mark};
        record->value = byte_reader_take(&in, byte_reader_left(&in));
        return;
    }
    int64_t length = byte_reader_u32(&in);
    record->value = byte_reader_take(&in, byte_reader_left(&in) - length);
    record->view = str_view_borrow(byte_reader_take(&in, length));
    record->probe = (Probe){.hash = mark, .view = &record->view};
    assert(!in.is_short);
}

int32_t cold_find(const StateTable *table, const Page *page, const Probe *probe)
{
    if (probe->view == NULL)
        return pack_find(page->pack, probe->word, 0);
    Record record;
    int32_t at = pack_find(page->pack, probe->hash, 0);
    for (; at >= 0; at = pack_find(page->pack, probe->hash, at + 1)) {
        cold_read(table, page, at, &record);
        if (str_view_equal(&record.view, probe->view))
            break;
    }
    return at;
}

void cold_settle_flags(Page *page)
{
    if (!page->is_saved)
        return;
    page->is_saved = false;
    uint8_t *flags = page->pack == NULL ? NULL : pack_flags(page->pack);
    for (int32_t i = 0; i < pack_count(page->pack); i++)
        flags[i] = (uint8_t)((flags[i] & RECORD_TAKEN) | ENTRY_PERSISTED);
}

uint8_t *cold_take(StateTable *table, Page *page, int32_t at, const Record *record)
{
    uint8_t *flags = &pack_flags(page->pack)[at];
    if ((*flags & RECORD_TAKEN) != 0)
        return NULL;
    bool is_done = !page->is_saved && (*flags & RECORD_DONE) != 0;
    bool is_passed = page->color == table->color || is_done;
    uint64_t kept = page->is_saved ? ENTRY_PERSISTED : *flags & (ENTRY_DIRTY | ENTRY_PERSISTED);
    uint8_t *value = table_put_at_hand(table, &record->probe);
    Entry *entry = value_entry(table, value);
    entry->hash = hash_plain(entry->hash) | kept | (table->color ^ !is_passed);
    ByteReader in = byte_reader(record->value);
    bool is_sound = value_load(table, value, &in);
    assert(is_sound && byte_reader_left(&in) == 0);
    *flags |= RECORD_TAKEN;
    page->is_stored = false;
    page->is_used = true;
    table->cold->record_count--;
    if (!is_passed)
        table_save_before_change(table, entry);
    return value;
}

/* ---- Putting away -------------------------------------------------------------------------- */

static void cold_put_record(StateTable *table, Page *page, const Entry *entry, int32_t at,
                            uint8_t flags)
{
    Cold *cold = table->cold;
    cold_write(table, entry, &cold->record);
    int32_t place = at >= 0 ? at : pack_count(page->pack);
    page_set_pack(cold, page,
                  pack_put(cold->packs, page->pack, place, buffer_str(&cold->record), flags));
    cold->put_count++;
    cold->put_bytes += cold->record.length;
}

/* Over the record in its place in the page, or as one more: -1. */
static void cold_put_at(StateTable *table, Entry *entry, Page *page, int32_t at)
{
    Cold *cold = table->cold;
    uint8_t flags = entry->hash & (ENTRY_DIRTY | ENTRY_PERSISTED);
    if (page->color != table->color)
        flags |= RECORD_DONE;
    assert(at < 0 || (pack_flags(page->pack)[at] & RECORD_TAKEN) != 0);
    assert(!table_is_null_entry(table, entry));
    if (at < 0 || (entry->hash & ENTRY_CHANGED) != 0)
        cold_put_record(table, page, entry, at, flags);
    else
        pack_flags(page->pack)[at] = flags;
    page->is_stored = false;
    page->is_used = true;
    cold->record_count++;
    table_remove(table, entry);
    if (page_is_large(cold, pack_count(page->pack), pack_bytes(page->pack), page->pack))
        cold_divide(table, page, false);
}

void cold_put(StateTable *table, Entry *entry)
{
    if ((entry->hash & ENTRY_COLOR) != table->color)
        table_save_before_change(table, entry);
    Page *page = cold_page(table->cold, entry->hash);
    assert(page->pack != NULL || !page->is_stored);
    cold_settle_flags(page);
    Probe probe = entry_probe(table, entry);
    cold_put_at(table, entry, page, cold_find(table, page, &probe));
}

/* The entries of the next slots that were not wanted lately, or all of them. */
static int32_t cold_victims(StateTable *table, bool is_all, Entry **victims, uint64_t *marks,
                            Page **pages)
{
    Cold *cold = table->cold;
    int32_t count = 0;
    uint32_t indexes[SWEEP_SLOTS];
    for (int32_t i = 0; i < SWEEP_SLOTS; i++) {
        indexes[i] = table->slots[(cold->slot_hand + (uint32_t)i) % table->slot_count].index;
        if (indexes[i] != INDEX_NONE)
            __builtin_prefetch(table_entry(table, indexes[i] - 1));
    }
    int32_t slots = table->slot_count < SWEEP_SLOTS ? (int32_t)table->slot_count : SWEEP_SLOTS;
    cold->slot_hand = (cold->slot_hand + (uint32_t)slots) % table->slot_count;
    for (int32_t i = 0; i < slots; i++) {
        if (indexes[i] == INDEX_NONE)
            continue;
        Entry *entry = (Entry *)(void *)table_entry(table, indexes[i] - 1);
        bool is_used = (entry->hash & ENTRY_USED) != 0;
        entry->hash &= ~(uint64_t)ENTRY_USED;
        if (is_used && !is_all)
            continue;
        pages[count] = cold_page(cold, entry->hash);
        __builtin_prefetch(pages[count]);
        Probe probe = entry_probe(table, entry);
        marks[count] = probe_mark(&probe);
        victims[count++] = entry;
    }
    return count;
}

/* The note is still right: the entry has not been deleted, and its record lies where it did. Where
 * the entry of 0 was, that of NULL may lie by now, whose word is 0 too. */
static bool note_holds(const StateTable *table, const Note *note)
{
    const Entry *entry = value_entry(table, note->value);
    const Page *page = note->page;
    bool is_same = entry->hash != 0 && entry->word == note->word && page->pack != NULL;
    return is_same && !table_is_null_entry(table, entry) &&
           cold_page_has(page, page_tag(entry->hash)) && pack_has(page->pack, note->at, note->word);
}

/* Entries whose records were noted: nothing has to be searched. Those of others, and those that the
 * notes do not tell of, are left. */
static void cold_put_noted(StateTable *table)
{
    Cold *cold = table->cold;
    Page *pages[NOTES_RUN];
    uint64_t marks[NOTES_RUN];
    for (int32_t first = 0; first < cold->note_count; first += NOTES_RUN) {
        const Note *notes = cold->notes + first;
        int32_t left = cold->note_count - first, count = left < NOTES_RUN ? left : NOTES_RUN;
        for (int32_t i = 0; i < count; i++) {
            pages[i] = notes[i].page;
            marks[i] = notes[i].word;
        }
        for (int32_t i = 0; i < count; i++) {
            pages_prefetch(pages, marks, i, count);
            if (!note_holds(table, &notes[i]))
                continue;
            Entry *entry = value_entry(table, notes[i].value);
            if ((entry->hash & ENTRY_COLOR) != table->color)
                table_save_before_change(table, entry);
            cold_settle_flags(pages[i]);
            cold_put_at(table, entry, pages[i], notes[i].at);
        }
        packs_tidy(cold->packs);
    }
}

static void cold_sweep(StateTable *table, int64_t keep)
{
    Entry *victims[SWEEP_SLOTS];
    uint64_t marks[SWEEP_SLOTS];
    Page *pages[SWEEP_SLOTS];
    while (table->count - (table->null_index != INDEX_NONE) > keep) {
        int32_t count = cold_victims(table, keep == 0, victims, marks, pages);
        cold_load(table->cold, pages, count);
        for (int32_t i = 0; i < count; i++) {
            pages_prefetch(pages, marks, i, count);
            cold_put(table, victims[i]);
        }
        /* Each record that has come made a copy of its page, maybe: wide ones left ten times as
         * much behind as they are. */
        packs_tidy(table->cold->packs);
    }
}

/* Pages that the hand comes by next and that can go; one that was wanted lately has another turn.
 */
static int32_t cold_idle_pages(Cold *cold, Page **idle, int64_t *steps)
{
    int32_t count = 0;
    int64_t bytes = 0;
    for (; count < STORE_MAX && bytes < STORE_BYTES_MAX && cold->listed_count > 0 && *steps > 0;
         (*steps)--) {
        Page *page = cold_take_listed(cold);
        if (page->pack == NULL)
            continue;
        if (page->is_used) {
            page->is_used = false;
            cold_list(cold, page);
            continue;
        }
        bytes += pack_bytes(page->pack);
        idle[count++] = page;
    }
    return count;
}

/* The page has its records without those that are taken: an entry at hand comes back as a new one,
 * and one that has been deleted not at all. */
static void cold_leave_out_taken(Cold *cold, Page *page)
{
    Pack *old = page->pack;
    const uint8_t *flags = pack_flags(old);
    uint8_t keeps[KEEPS_MAX];
    int32_t count = pack_count(old), kept = 0;
    if (count > KEEPS_MAX)
        return;
    for (int32_t i = 0; i < count; i++) {
        keeps[i] = (flags[i] & RECORD_TAKEN) == 0;
        kept += keeps[i];
    }
    if (kept == count)
        return;
    page->pack = pack_pick(cold->packs, old, keeps);
    if (page->pack != NULL)
        packs_settle(page->pack, (void **)&page->pack);
    packs_release(cold->packs, old);
}

static Status cold_store(Cold *cold, Page **idle, int32_t count, Error *error)
{
    SpillPage changed[STORE_MAX];
    int32_t changed_count = 0;
    for (int32_t i = 0; i < count; i++) {
        if (idle[i]->is_stored)
            continue;
        cold_leave_out_taken(cold, idle[i]);
        if (idle[i]->pack != NULL)
            changed[changed_count++] = (SpillPage){
                idle[i]->number,
                str_make((const char *)idle[i]->pack, pack_bytes(idle[i]->pack)),
            };
    }
    cold->has_stored |= changed_count > 0;
    if (changed_count > 0)
        TRY(spill_write(cold->spill, cold->id, changed, changed_count, error));
    for (int32_t i = 0; i < count; i++) {
        Pack *pack = idle[i]->pack;
        idle[i]->is_stored = pack != NULL;
        page_set_pack(cold, idle[i], NULL);
        packs_release(cold->packs, pack);
    }
    return OK;
}

static Status cold_trim_to(StateTable *table, int64_t kept_bytes, Error *error)
{
    Cold *cold = table->cold;
    Page *idle[STORE_MAX];
    int64_t steps = 2 * cold->listed_count;
    while (cold_account(table) > kept_bytes && spill_excess(cold->spill) > 0) {
        int32_t count = cold_idle_pages(cold, idle, &steps);
        if (count == 0)
            break;
        Status status = cold_store(cold, idle, count, error);
        for (int32_t i = 0; status != OK && i < count; i++)
            cold_list(cold, idle[i]);
        TRY(status);
    }
    return OK;
}

int64_t cold_share(const StateTable *table)
{
    return spill_share(table->cold->spill);
}

Status cold_trim(StateTable *table, Error *error)
{
    return cold_trim_to(table, cold_share(table), error);
}

static int64_t cold_share_at_hand(const StateTable *table)
{
    return spill_share_at_hand(table->cold->spill) / cold_entry_bytes(table);
}

/* How many entries may stay at hand: where many tables lie idle, as those of windows do, the few
 * that are in use have what the others do not need. */
static int64_t cold_room(const StateTable *table)
{
    const Spill *spill = table->cold->spill;
    int64_t excess = spill_excess_at_hand(spill), bytes = cold_entry_bytes(table);
    int64_t least = cold_share_at_hand(table);
    int64_t kept = excess <= 0 ? table->count : table->count - excess / bytes - 1;
    return kept > least ? kept : least;
}

/* How many do stay. An entry that is put away right after its batch finds its page in the cache,
 * where one that waits for a turn among many is waited for, as the page is: that is worth it only
 * for keys that come again before. Where nearly none does, none waits, and every now and then it is
 * looked whether that is still so, by no more than the table's own share. */
static int64_t cold_keep(StateTable *table)
{
    Cold *cold = table->cold;
    int64_t room = cold_room(table), share = cold_share_at_hand(table);
    room = cold->was_passing && share < room ? share : room;
    bool has_room = table->count <= room;
    if (cold->passing == 0 && !has_room && cold->looked < room + LOOKS_MIN)
        return room;
    if (cold->passing > 0) {
        cold->passing = cold->passing > cold->looked ? cold->passing - cold->looked : 0;
        room = 0;
    } else if (!has_room) {
        cold->was_passing = cold->hit < cold->looked / HITS_PART;
        cold->passing = cold->was_passing ? PASSING_FACTOR * cold->looked : 0;
        room = cold->was_passing ? 0 : room;
    }
    cold->looked = cold->hit = 0;
    return room;
}

/* As long as none was put away, nobody knows how long a record is; a few wide rows fill memory. */
static void cold_sample(StateTable *table)
{
    Cold *cold = table->cold;
    if (cold->put_count >= FIRST_RECORDS || cold->sample_turns-- > 0 || table->count == 0)
        return;
    cold->sample_turns = SAMPLE_TURNS;
    int64_t bytes = 0, count = 0;
    for (uint32_t i = 0; i < table->entry_end && count < FIRST_RECORDS && bytes < SAMPLE_BYTES;
         i++) {
        const Entry *entry = (const Entry *)(const void *)table_entry(table, i);
        if (entry->hash == 0 || table_is_null_entry(table, entry))
            continue;
        cold_write(table, entry, &cold->record);
        bytes += cold->record.length;
        count++;
    }
    cold->sample_bytes = count == 0 ? 0 : bytes / count;
}

static Status cold_put_away(StateTable *table, int64_t keep, int64_t kept_bytes, Error *error)
{
    if (keep == 0)
        cold_put_noted(table);
    table->cold->note_count = 0;
    if (table->slots != NULL)
        cold_sweep(table, keep);
    Status status = cold_trim_to(table, kept_bytes, error);
    packs_tidy(table->cold->packs);
    return status;
}

Status cold_make_room(StateTable *table, Error *error)
{
    cold_release(table);
    cold_sample(table);
    int64_t before = table->cold->accounted;
    keyed_note_growth(table, cold_account(table) - before);
    bool was_passing = table->cold->passing > 0;
    Status status = cold_put_away(table, cold_keep(table), cold_share(table), error);
    if (!was_passing && table->cold->passing > 0) {
        table_shrink(table);
        (void)cold_account(table);
    }
    return status;
}

bool cold_is_short(const StateTable *table)
{
    const Spill *spill = table->cold->spill;
    return spill_excess(spill) > 0 || spill_excess_at_hand(spill) > 0;
}

Status cold_make_idle_room(StateTable *table, int64_t kept_bytes, Error *error)
{
    cold_release(table);
    Status status = cold_put_away(table, 0, kept_bytes, error);
    table_shrink(table);
    cold_free_notes(table->cold);
    (void)cold_account(table);
    return status;
}
