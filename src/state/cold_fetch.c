/* Pages out of RocksDB, and entries out of pages. */
#include "state/cold_internal.h"

#include <stdlib.h>

#include "base/ceiling.h"

enum {
    FETCH_RUN = 128,          /* keys whose memory is asked for together */
    READ_BYTES_MAX = 4 << 20, /* of pages read at once, or … */
    READ_PART = 64,           /* … this part of the limit, if that is less */
};

static int page_order(const void *a, const void *b)
{
    uint32_t left = (*(Page *const *)a)->number, right = (*(Page *const *)b)->number;
    return (left > right) - (left < right);
}

/* Pages that are being read. */
typedef struct Loading {
    Cold *cold;
    Page **pages;
} Loading;

static void cold_take_page(void *context, int32_t i, Str bytes)
{
    const Loading *loading = context;
    Page *page = loading->pages[i];
    Pack *pack = packs_allocate(loading->cold->packs, bytes.length);
    memcpy(pack, bytes.data, (size_t)bytes.length);
    assert(pack_bytes(pack) == bytes.length);
    page_set_pack(loading->cold, page, pack);
    page->is_wanted = false;
    page->is_used = true;
}

static void cold_load_some(Cold *cold, Page **pages, int32_t count)
{
    Page *wanted[LOAD_MAX];
    uint32_t numbers[LOAD_MAX];
    int32_t some = 0;
    for (int32_t i = 0; i < count; i++) {
        if (!page_is_away(pages[i]) || pages[i]->is_wanted)
            continue;
        pages[i]->is_wanted = true;
        wanted[some++] = pages[i];
    }
    if (some == 0)
        return;
    qsort(wanted, (size_t)some, sizeof wanted[0], page_order);
    for (int32_t i = 0; i < some; i++)
        numbers[i] = wanted[i]->number;
    spill_read(cold->spill, cold->id, numbers, some, cold_take_page, &(Loading){cold, wanted});
}

int32_t cold_load_most(const Cold *cold, int32_t most)
{
    int64_t record = cold->put_count == 0 ? 0 : cold->put_bytes / cold->put_count;
    int64_t fitting = ceiling_share(READ_PART, READ_BYTES_MAX) / (record + 1);
    return fitting >= most ? most : fitting < 1 ? 1 : (int32_t)fitting;
}

void cold_load(Cold *cold, Page **pages, int32_t count)
{
    int32_t most = cold_load_most(cold, LOAD_MAX);
    for (int32_t first = 0; first < count; first += most)
        cold_load_some(cold, pages + first, count - first < most ? count - first : most);
}

static void cold_note(Cold *cold, const Note *note)
{
    if (cold->note_count == cold->note_capacity) {
        cold->note_capacity = cold->note_capacity == 0 ? FETCH_RUN : cold->note_capacity * 2;
        cold->notes = memory_resize(cold->notes, (int64_t)sizeof(Note) * cold->note_capacity);
    }
    cold->notes[cold->note_count++] = *note;
}

/* The page is in memory. */
static void cold_fetch_from(StateTable *table, Page *page, const Probe *probe)
{
    int32_t at = cold_find(table, page, probe);
    if (at < 0 || (pack_flags(page->pack)[at] & RECORD_TAKEN) != 0)
        return;
    Record record;
    cold_read(table, page, at, &record);
    uint8_t *value = cold_take(table, page, at, &record);
    if (table->cold->passing > 0 && probe->view == NULL)
        cold_note(table->cold, &(Note){value, probe->word, page, at});
}

void cold_fetch_one(StateTable *table, const Probe *probe)
{
    keyed_note_use(table);
    uint8_t *value = table_get_at_hand(table, probe);
    if (value != NULL) {
        value_entry(table, value)->hash |= ENTRY_USED;
        return;
    }
    Page *page = cold_page(table->cold, probe->hash);
    cold_load(table->cold, &page, 1);
    cold_fetch_from(table, page, probe);
}

int32_t cold_expect(StateTable *table, const uint64_t *hashes, int32_t count)
{
    Page *pages[LOAD_MAX];
    assert(count <= LOAD_MAX);
    count = cold_load_most(table->cold, count);
    for (int32_t i = 0; i < count; i++)
        pages[i] = cold_page(table->cold, hashes[i]);
    cold_load(table->cold, pages, count);
    return count;
}

static void cold_note_late(Cold *cold, int32_t number, int32_t at)
{
    if (number == cold->late_capacity) {
        cold->late_capacity = number == 0 ? FETCH_RUN : number * 2;
        cold->late = memory_resize(cold->late, (int64_t)sizeof(int32_t) * cold->late_capacity);
    }
    cold->late[number] = at;
}

/* Keys of a batch that are not at hand, with their pages and marks. */
typedef struct Missing {
    int32_t at[FETCH_RUN], count;
    int32_t null_count; /* NULLs, which are always at hand */
    Page *pages[FETCH_RUN];
    uint64_t marks[FETCH_RUN];
} Missing;

static void cold_find_missing(StateTable *table, const TableKeys *keys, int32_t first,
                              int32_t count, Missing *missing)
{
    const Cold *cold = table->cold;
    missing->count = missing->null_count = 0;
    for (int32_t i = first; i < first + count; i++)
        table_prefetch_slot(table, keys->hashes[i]);
    for (int32_t i = first; i < first + count; i++) {
        table_prefetch_entry(table, keys->hashes[i]);
        __builtin_prefetch(&cold->directory[cold_place(cold, page_tag(keys->hashes[i]))]);
    }
    for (int32_t i = first; i < first + count; i++) {
        if (keys->nulls != NULL && keys->nulls[i]) {
            missing->null_count++;
            continue;
        }
        Probe probe = keys_probe(keys, i);
        uint8_t *value = table_get_at_hand(table, &probe);
        if (value != NULL) {
            value_entry(table, value)->hash |= ENTRY_USED;
            continue;
        }
        Page *page = cold_page(cold, keys->hashes[i]);
        __builtin_prefetch(page);
        missing->pages[missing->count] = page;
        missing->marks[missing->count] = probe_mark(&probe);
        missing->at[missing->count++] = i;
    }
}

/* Keys whose pages are in RocksDB: those of several are read at one go. */
static void cold_fetch_late(StateTable *table, const TableKeys *keys, int32_t count)
{
    Cold *cold = table->cold;
    Page *pages[LOAD_MAX];
    int32_t most = cold_load_most(cold, LOAD_MAX);
    for (int32_t done = 0; done < count; done += most) {
        int32_t some = count - done < most ? count - done : most;
        for (int32_t i = 0; i < some; i++)
            pages[i] = cold_page(cold, keys->hashes[cold->late[done + i]]);
        cold_load(cold, pages, some);
        for (int32_t i = 0; i < some; i++) {
            Probe probe = keys_probe(keys, cold->late[done + i]);
            cold_fetch_from(table, pages[i], &probe);
        }
    }
}

void cold_fetch(StateTable *table, const TableKeys *keys, int32_t first, int32_t count)
{
    Cold *cold = table->cold;
    keyed_note_use(table);
    Missing missing;
    int32_t late = 0;
    for (int32_t done = 0; done < count; done += FETCH_RUN) {
        int32_t some = count - done < FETCH_RUN ? count - done : FETCH_RUN;
        cold_find_missing(table, keys, first + done, some, &missing);
        cold->looked += some - missing.null_count;
        cold->hit += some - missing.null_count - missing.count;
        for (int32_t i = 0; i < missing.count; i++) {
            Page *page = missing.pages[i];
            Probe probe = keys_probe(keys, missing.at[i]);
            pages_prefetch(missing.pages, missing.marks, i, missing.count);
            if (page_is_away(page))
                cold_note_late(cold, late++, missing.at[i]);
            else
                cold_fetch_from(table, page, &probe);
        }
    }
    if (late > 0)
        cold_fetch_late(table, keys, late);
}
