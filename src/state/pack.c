/* Records in columns, or in rows. */
#include "state/pack.h"

#include <assert.h>
#include <string.h>

enum {
    MARK_BYTES = 8,
    COLUMNS_MAX = 512, /* longer records lie in rows */
    MASK_WORDS = COLUMNS_MAX / 64,
    ROOM_STEP = 4, /* records that a pack of columns grows by */
    FIND_RUN = 128,
};

struct Pack {
    uint32_t bytes;
    uint16_t record_bytes; /* 0: rows */
    uint16_t varying;      /* columns */
    uint16_t count, room;
    uint8_t data[];
};

static_assert(sizeof(Pack) == 12, "packs are kept by the million");

/* Which bytes of the records vary. */
typedef struct Mask {
    uint64_t words[MASK_WORDS];
} Mask;

int32_t pack_count(const Pack *pack)
{
    return pack == NULL ? 0 : pack->count;
}

bool pack_has_columns(const Pack *pack)
{
    return pack != NULL && pack->record_bytes > 0;
}

int64_t pack_bytes(const Pack *pack)
{
    return pack == NULL ? 0 : pack->bytes;
}

int32_t pack_record_bytes(const Pack *pack)
{
    return pack == NULL ? 0 : pack->record_bytes;
}

/* Behind all else. */
static const uint8_t *pack_flags_of(const Pack *pack)
{
    return (const uint8_t *)pack + pack->bytes - pack->room;
}

uint8_t *pack_flags(Pack *pack)
{
    return (uint8_t *)pack + pack->bytes - pack->room;
}

/* ---- Columns ----------------------------------------------------------------------------- */

static int32_t mask_words(int32_t record_bytes)
{
    return (record_bytes + 63) / 64;
}

static int64_t columns_bytes(int32_t record_bytes, int32_t varying, int32_t room)
{
    return (int64_t)sizeof(Pack) + room + 8 * mask_words(record_bytes) + record_bytes +
           (int64_t)varying * room;
}

static const uint8_t *columns_mask(const Pack *pack)
{
    return pack->data;
}

static const uint8_t *columns_base(const Pack *pack)
{
    return columns_mask(pack) + 8 * mask_words(pack->record_bytes);
}

static const uint8_t *columns_first(const Pack *pack)
{
    return columns_base(pack) + pack->record_bytes;
}

static void columns_read_mask(const Pack *pack, Mask *mask)
{
    memcpy(mask->words, columns_mask(pack), (size_t)(8 * mask_words(pack->record_bytes)));
}

static inline bool mask_has(const Mask *mask, int32_t at)
{
    return (mask->words[at / 64] >> (at % 64) & 1) != 0;
}

static void columns_get(const Pack *pack, int32_t at, uint8_t *record)
{
    Mask mask;
    columns_read_mask(pack, &mask);
    memcpy(record, columns_base(pack), pack->record_bytes);
    const uint8_t *column = columns_first(pack) + at;
    for (int32_t w = 0; w < mask_words(pack->record_bytes); w++)
        for (uint64_t word = mask.words[w]; word != 0; word &= word - 1, column += pack->room)
            record[64 * w + __builtin_ctzll(word)] = *column;
}

/* The mask that it would have with the record among the others; how many columns vary then. */
static int32_t columns_widen(const Pack *pack, const uint8_t *record, Mask *mask)
{
    const uint8_t *base = columns_base(pack);
    columns_read_mask(pack, mask);
    int32_t varying = pack->varying;
    for (int32_t at = 0; at < pack->record_bytes; at++) {
        bool is_new = base[at] != record[at] && !mask_has(mask, at);
        mask->words[at / 64] |= (uint64_t)is_new << (at % 64);
        varying += is_new;
    }
    return varying;
}

static Pack *columns_new(Packs *packs, int32_t record_bytes, int32_t varying, int32_t room)
{
    int64_t bytes = columns_bytes(record_bytes, varying, room);
    Pack *pack = packs_allocate(packs, bytes);
    *pack = (Pack){.bytes = (uint32_t)bytes,
                   .record_bytes = (uint16_t)record_bytes,
                   .varying = (uint16_t)varying,
                   .room = (uint16_t)room};
    return pack;
}

/* The same records, with more columns that vary and more room. */
static Pack *columns_grow(Packs *packs, Pack *old, const Mask *mask, int32_t varying, int32_t room)
{
    Pack *pack = columns_new(packs, old->record_bytes, varying, room);
    pack->count = old->count;
    memcpy(pack_flags(pack), pack_flags(old), old->count);
    memcpy(pack->data, mask->words, (size_t)(8 * mask_words(pack->record_bytes)));
    const uint8_t *base = columns_base(old);
    memcpy(pack->data + (columns_base(pack) - pack->data), base, old->record_bytes);
    Mask before;
    columns_read_mask(old, &before);
    const uint8_t *from = columns_first(old);
    uint8_t *to = pack->data + (columns_first(pack) - pack->data);
    for (int32_t at = 0; at < old->record_bytes; at++) {
        if (!mask_has(mask, at))
            continue;
        if (mask_has(&before, at)) {
            memcpy(to, from, old->count);
            from += old->room;
        } else {
            memset(to, base[at], old->count);
        }
        to += room;
    }
    packs_release(packs, old);
    return pack;
}

static Pack *columns_put(Packs *packs, Pack *pack, int32_t at, const uint8_t *record)
{
    Mask mask;
    int32_t varying = columns_widen(pack, record, &mask);
    int32_t room = at < pack->room ? pack->room : pack->room + ROOM_STEP;
    if (varying != pack->varying || room != pack->room)
        pack = columns_grow(packs, pack, &mask, varying, room);
    uint8_t *column = pack->data + (columns_first(pack) - pack->data) + at;
    for (int32_t w = 0; w < mask_words(pack->record_bytes); w++)
        for (uint64_t word = mask.words[w]; word != 0; word &= word - 1, column += pack->room)
            *column = record[64 * w + __builtin_ctzll(word)];
    return pack;
}

/* The bytes of a mark that vary in the pack, in the order of their columns. */
typedef struct Wanted {
    uint8_t bytes[MARK_BYTES];
    int32_t count;
} Wanted;

/* False: the others are not those of the pack. */
static bool columns_want(const Pack *pack, uint64_t mark, Wanted *wanted)
{
    const uint8_t *base = columns_base(pack);
    uint64_t mask, there, others = 0;
    memcpy(&mask, columns_mask(pack), sizeof mask);
    memcpy(&there, base, sizeof there);
    wanted->count = 0;
    for (int32_t at = 0; at < MARK_BYTES; at++) {
        if ((mask >> at & 1) != 0)
            wanted->bytes[wanted->count++] = (uint8_t)(mark >> (8 * at));
        else
            others |= (uint64_t)0xff << (8 * at);
    }
    return ((mark ^ there) & others) == 0;
}

/* Which of some records have the mark. Two of its bytes leave few, or none: of these each is looked
 * at by itself, so that the other columns are hardly touched. */
static int32_t columns_find_some(const Pack *pack, const Wanted *wanted, int32_t from,
                                 int32_t count)
{
    uint8_t matches[FIND_RUN];
    const uint8_t *columns = columns_first(pack) + from;
    int32_t second = wanted->count > 1, room = pack->room;
    const uint8_t *a = columns, *b = columns + second * room;
    uint8_t first_byte = wanted->bytes[0], second_byte = wanted->bytes[second];
    for (int32_t i = 0; i < count; i++)
        matches[i] = (a[i] == first_byte) & (b[i] == second_byte);
    for (int32_t i = 0; i < count; i++) {
        const uint8_t *match = memchr(matches + i, 1, (size_t)(count - i));
        if (match == NULL)
            return -1;
        i = (int32_t)(match - matches);
        bool is_found = true;
        for (int32_t k = 2; k < wanted->count; k++)
            is_found &= columns[k * room + i] == wanted->bytes[k];
        if (is_found)
            return from + i;
    }
    return -1;
}

static int32_t columns_find(const Pack *pack, uint64_t mark, int32_t from)
{
    Wanted wanted;
    if (from >= pack->count || !columns_want(pack, mark, &wanted))
        return -1;
    if (wanted.count == 0)
        return from;
    int32_t found = -1;
    for (; from < pack->count && found < 0; from += FIND_RUN) {
        int32_t left = pack->count - from;
        found = columns_find_some(pack, &wanted, from, left < FIND_RUN ? left : FIND_RUN);
    }
    return found;
}

static int32_t columns_room(int32_t count)
{
    return (count + ROOM_STEP - 1) / ROOM_STEP * ROOM_STEP;
}

/* Which bytes of the records are not those of the first; how many. */
static int32_t columns_compare(const Str *records, int32_t count, Mask *mask)
{
    uint8_t differs[COLUMNS_MAX] = {0};
    const uint8_t *base = (const uint8_t *)records[0].data;
    int32_t length = (int32_t)records[0].length, varying = 0;
    for (int32_t i = 1; i < count; i++) {
        const uint8_t *record = (const uint8_t *)records[i].data;
        for (int32_t at = 0; at < length; at++)
            differs[at] |= record[at] ^ base[at];
    }
    *mask = (Mask){0};
    for (int32_t at = 0; at < length; at++) {
        mask->words[at / 64] |= (uint64_t)(differs[at] != 0) << (at % 64);
        varying += differs[at] != 0;
    }
    return varying;
}

static Pack *columns_make(Packs *packs, const Str *records, int32_t count)
{
    Mask mask;
    int32_t length = (int32_t)records[0].length, room = columns_room(count);
    int32_t varying = columns_compare(records, count, &mask);
    Pack *pack = columns_new(packs, length, varying, room);
    pack->count = (uint16_t)count;
    memcpy(pack->data, mask.words, (size_t)(8 * mask_words(length)));
    memcpy(pack->data + (columns_base(pack) - pack->data), records[0].data, (size_t)length);
    uint8_t *column = pack->data + (columns_first(pack) - pack->data);
    for (int32_t at = 0; at < length; at++) {
        if (!mask_has(&mask, at))
            continue;
        for (int32_t i = 0; i < count; i++)
            column[i] = (uint8_t)records[i].data[at];
        column += room;
    }
    return pack;
}

void pack_unpack(const Pack *pack, uint8_t *records, int64_t stride)
{
    assert(pack->record_bytes > 0);
    Mask mask;
    columns_read_mask(pack, &mask);
    const uint8_t *base = columns_base(pack), *column = columns_first(pack);
    for (int32_t i = 0; i < pack->count; i++)
        memcpy(records + stride * i, base, pack->record_bytes);
    for (int32_t w = 0; w < mask_words(pack->record_bytes); w++) {
        for (uint64_t word = mask.words[w]; word != 0; word &= word - 1, column += pack->room) {
            uint8_t *to = records + 64 * w + __builtin_ctzll(word);
            for (int32_t i = 0; i < pack->count; i++)
                to[stride * i] = column[i];
        }
    }
}

static Pack *columns_pick(Packs *packs, const Pack *old, const uint8_t *keeps, int32_t kept)
{
    int32_t room = columns_room(kept);
    Pack *pack = columns_new(packs, old->record_bytes, old->varying, room);
    memcpy(pack->data, columns_mask(old), (size_t)(8 * mask_words(old->record_bytes)));
    memcpy(pack->data + (columns_base(pack) - pack->data), columns_base(old), old->record_bytes);
    pack->count = (uint16_t)kept;
    const uint8_t *from = columns_first(old);
    uint8_t *to = pack->data + (columns_first(pack) - pack->data);
    for (int32_t c = 0; c < old->varying; c++, from += old->room, to += room)
        for (int32_t i = 0, k = 0; i < old->count; i++)
            if (keeps[i])
                to[k++] = from[i];
    return pack;
}

/* ---- Rows -------------------------------------------------------------------------------- */

static uint32_t rows_end(const Pack *pack, int32_t at)
{
    uint32_t end = 0;
    if (at >= 0)
        memcpy(&end, pack->data + (int64_t)4 * at, sizeof end);
    return end;
}

static const uint8_t *rows_first(const Pack *pack)
{
    return pack->data + (int64_t)4 * pack->room;
}

static Str rows_record(const Pack *pack, int32_t at)
{
    uint32_t start = rows_end(pack, at - 1);
    return str_make((const char *)rows_first(pack) + start, rows_end(pack, at) - start);
}

static Pack *rows_new(Packs *packs, int32_t room, int64_t record_bytes)
{
    int64_t bytes = (int64_t)sizeof(Pack) + 5 * (int64_t)room + record_bytes;
    assert(bytes < UINT32_MAX);
    Pack *pack = packs_allocate(packs, bytes);
    *pack = (Pack){.bytes = (uint32_t)bytes, .room = (uint16_t)room};
    return pack;
}

static void rows_add(Pack *pack, Str record, uint8_t flags)
{
    int32_t at = pack->count++;
    assert(at < pack->room);
    uint32_t start = rows_end(pack, at - 1), end = start + (uint32_t)record.length;
    pack_flags(pack)[at] = flags;
    memcpy(pack->data + (int64_t)4 * at, &end, sizeof end);
    memcpy(pack->data + (rows_first(pack) - pack->data) + start, record.data,
           (size_t)record.length);
}

static int64_t rows_total(const Pack *pack)
{
    return rows_end(pack, pack->count - 1);
}

static Pack *rows_put(Packs *packs, Pack *old, int32_t at, Str record)
{
    Str before = at < old->count ? rows_record(old, at) : (Str){0};
    if (at < old->count && before.length == record.length) {
        memcpy(old->data + ((const uint8_t *)before.data - old->data), record.data,
               (size_t)record.length);
        return old;
    }
    int32_t count = old->count + (at == old->count);
    Pack *pack = rows_new(packs, count, rows_total(old) - before.length + record.length);
    for (int32_t i = 0; i < count; i++)
        rows_add(pack, i == at ? record : rows_record(old, i), i == at ? 0 : pack_flags(old)[i]);
    packs_release(packs, old);
    return pack;
}

static int32_t rows_find(const Pack *pack, uint64_t mark, int32_t from)
{
    const uint8_t *first = rows_first(pack);
    for (int32_t i = from; i < pack->count; i++)
        if (memcmp(first + rows_end(pack, i - 1), &mark, sizeof mark) == 0)
            return i;
    return -1;
}

static Pack *rows_of_columns(Packs *packs, Pack *old)
{
    uint8_t record[COLUMNS_MAX];
    Pack *pack = rows_new(packs, old->count, (int64_t)old->count * old->record_bytes);
    for (int32_t i = 0; i < old->count; i++) {
        columns_get(old, i, record);
        rows_add(pack, str_make((const char *)record, old->record_bytes), pack_flags(old)[i]);
    }
    packs_release(packs, old);
    return pack;
}

static Pack *rows_make(Packs *packs, const Str *records, int32_t count)
{
    int64_t bytes = 0;
    for (int32_t i = 0; i < count; i++)
        bytes += records[i].length;
    Pack *pack = rows_new(packs, count, bytes);
    for (int32_t i = 0; i < count; i++)
        rows_add(pack, records[i], 0);
    return pack;
}

static Pack *rows_pick(Packs *packs, const Pack *old, const uint8_t *keeps, int32_t kept)
{
    int64_t bytes = 0;
    for (int32_t i = 0; i < old->count; i++)
        bytes += keeps[i] ? rows_record(old, i).length : 0;
    Pack *pack = rows_new(packs, kept, bytes);
    for (int32_t i = 0; i < old->count; i++)
        if (keeps[i])
            rows_add(pack, rows_record(old, i), pack_flags_of(old)[i]);
    return pack;
}

/* ---- Either ------------------------------------------------------------------------------ */

int32_t pack_find(const Pack *pack, uint64_t mark, int32_t from)
{
    if (pack == NULL)
        return -1;
    return pack->record_bytes > 0 ? columns_find(pack, mark, from) : rows_find(pack, mark, from);
}

void pack_get(const Pack *pack, int32_t at, Buffer *record)
{
    assert(at >= 0 && at < pack->count);
    record->length = 0;
    if (pack->record_bytes == 0) {
        buffer_append_str(record, rows_record(pack, at));
        return;
    }
    columns_get(pack, at, (uint8_t *)buffer_reserve(record, pack->record_bytes));
    record->length = pack->record_bytes;
}

static Pack *pack_first(Packs *packs, Str record)
{
    if (record.length > COLUMNS_MAX)
        return rows_new(packs, 0, 0);
    Pack *pack = columns_new(packs, (int32_t)record.length, 0, ROOM_STEP);
    memset(pack->data, 0, (size_t)(8 * mask_words(pack->record_bytes)));
    memcpy(pack->data + (columns_base(pack) - pack->data), record.data, (size_t)record.length);
    return pack;
}

Pack *pack_put(Packs *packs, Pack *pack, int32_t at, Str record, uint8_t flags)
{
    assert(at >= 0 && at <= pack_count(pack) && at < UINT16_MAX - ROOM_STEP);
    assert(record.length >= MARK_BYTES);
    if (pack == NULL)
        pack = pack_first(packs, record);
    if (pack->record_bytes > 0 && pack->record_bytes != record.length)
        pack = rows_of_columns(packs, pack);
    if (pack->record_bytes == 0) {
        pack = rows_put(packs, pack, at, record);
    } else {
        pack = columns_put(packs, pack, at, (const uint8_t *)record.data);
        if (at == pack->count)
            pack->count++;
    }
    pack_flags(pack)[at] = flags;
    return pack;
}

Pack *pack_make(Packs *packs, const Str *records, const uint8_t *flags, int32_t count)
{
    if (count == 0)
        return NULL;
    assert(count < UINT16_MAX - ROOM_STEP);
    bool are_alike = records[0].length <= COLUMNS_MAX;
    for (int32_t i = 0; i < count; i++) {
        assert(records[i].length >= MARK_BYTES);
        are_alike = are_alike && records[i].length == records[0].length;
    }
    Pack *pack = are_alike ? columns_make(packs, records, count) : rows_make(packs, records, count);
    memcpy(pack_flags(pack), flags, (size_t)count);
    return pack;
}

Pack *pack_pick(Packs *packs, const Pack *old, const uint8_t *keeps)
{
    int32_t kept = 0;
    for (int32_t i = 0; i < pack_count(old); i++)
        kept += keeps[i] != 0;
    if (kept == 0)
        return NULL;
    if (old->record_bytes == 0)
        return rows_pick(packs, old, keeps, kept);
    Pack *pack = columns_pick(packs, old, keeps, kept);
    uint8_t *to = pack_flags(pack);
    const uint8_t *flags = pack_flags_of(old);
    for (int32_t i = 0, k = 0; i < old->count; i++)
        if (keeps[i])
            to[k++] = flags[i];
    return pack;
}
