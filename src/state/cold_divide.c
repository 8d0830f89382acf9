/* Pages that are too large divide, by the next bit of the tags. */
#include "state/cold_internal.h"

enum {
    RECORDS_MAX = 128,         /* of a page, before it divides */
    PACK_BYTES_MAX = 8 * 1024, /* likewise */
    ROWS_BYTES_MAX = 2 * 1024, /* … of rows: each that is put there copies its page */
    EDITED_FACTOR = 4,         /* more of both where all keys of a page are wanted together */
    PLACES_MIN = 256,          /* of the directory; above, it has no more of them … */
    PLACES_PER_PAGE = 8,       /* … for each page, on average, … */
    PLACES_PER_ROWS_PAGE = 2, /* … or where pages are of a few rows, which one more hardly hurts */
};

static void cold_double(Cold *cold)
{
    Page **doubled = memory_allocate_zeroed(2 * (int64_t)sizeof(Page *) * cold_size(cold));
    for (uint32_t i = 0; i < cold_size(cold); i++)
        doubled[2 * i] = doubled[2 * i + 1] = cold->directory[i];
    memory_free(cold->directory);
    cold->directory = doubled;
    cold->bits++;
}

/* keeps[i]: 0 where the entry is no more, else 1 + the bit of its hash that decides. */
static int32_t cold_judge(StateTable *table, const Page *page, uint8_t *keeps)
{
    int32_t kept = 0;
    const uint8_t *flags = pack_flags(page->pack);
    for (int32_t i = 0; i < pack_count(page->pack); i++) {
        Record record;
        cold_read(table, page, i, &record);
        bool is_there =
            (flags[i] & RECORD_TAKEN) == 0 || table_get_at_hand(table, &record.probe) != NULL;
        uint32_t bit = page_tag(record.probe.hash) >> (31 - page->depth) & 1;
        keeps[i] = (uint8_t)(is_there ? 1 + bit : 0);
        kept += is_there;
    }
    return kept;
}

bool page_is_large(const Cold *cold, int32_t records, int64_t bytes, const Pack *pack)
{
    if (cold->has_edit)
        return records > EDITED_FACTOR * RECORDS_MAX ||
               (records > 1 && bytes > EDITED_FACTOR * PACK_BYTES_MAX);
    int64_t most = pack_is_alike(pack) ? PACK_BYTES_MAX : ROWS_BYTES_MAX;
    return records > RECORDS_MAX || (records > 1 && bytes > most);
}

bool cold_may_divide(const Cold *cold, const Page *page)
{
    bool has_rows = page->pack != NULL && !pack_is_alike(page->pack);
    uint32_t places = has_rows ? PLACES_PER_ROWS_PAGE : PLACES_PER_PAGE;
    bool is_sparse = cold_size(cold) > PLACES_MIN && cold_size(cold) / places >= cold->page_count;
    return page->depth < DEPTH_MAX && (page->depth < cold->bits || !is_sparse);
}

Page *cold_split(Cold *cold, Page *page)
{
    assert(page->depth < DEPTH_MAX);
    if (page->depth == cold->bits)
        cold_double(cold);
    Page *other =
        page_new(cold, page->number | (1U << (31 - page->depth)), page->depth + 1, page->color);
    other->is_saved = page->is_saved;
    other->is_used = page->is_used;
    page->depth++;
    uint32_t first = cold_place(cold, other->number), places = 1U << (cold->bits - page->depth);
    for (uint32_t i = first; i < first + places; i++)
        cold->directory[i] = other;
    return other;
}

void cold_divide(StateTable *table, Page *page, bool is_wanted)
{
    Cold *cold = table->cold;
    int32_t count = pack_count(page->pack);
    uint8_t *keeps = memory_allocate(2 * (int64_t)count), *side = keeps + count;
    int32_t kept = cold_judge(table, page, keeps);
    Pack *old = page->pack;
    /* What is left must be much less, or the next few would bring this about again. */
    bool is_large = page_is_large(cold, kept * 4 / 3, pack_bytes(old) * kept / count, old);
    bool divides = is_wanted || (is_large && cold_may_divide(cold, page));
    if (kept < count && !divides)
        page_set_pack(cold, page, pack_pick(cold->packs, old, keeps));
    if (divides && page->depth < DEPTH_MAX) {
        Page *other = cold_split(cold, page);
        for (int32_t i = 0; i < count; i++)
            side[i] = keeps[i] == 2;
        page_set_pack(cold, other, pack_pick(cold->packs, old, side));
        for (int32_t i = 0; i < count; i++)
            side[i] = keeps[i] == 1;
        page_set_pack(cold, page, pack_pick(cold->packs, old, side));
    }
    if (page->pack != old)
        packs_release(cold->packs, old);
    memory_free(keeps);
}
