/* Records that are alike, or in rows. */
#include "state/pack.h"

#include <assert.h>
#include <string.h>

enum {
    MARK_BYTES = 8,
    ALIKE_MAX = 512, /* longer records lie in rows */
    MASK_WORDS = ALIKE_MAX / 64,
    ROOM_STEP = 4,        /* records that a pack of those that are alike grows by, … */
    ROOM_STEP_NARROW = 8, /* … and where little of them varies */
    NARROW_BYTES = 16,
    LINE_BYTES = 64,
    HEAD_LINES = 5, /* with what is searched, in most packs */
    ROWS_LINES = 14,
    COUNT_BITS = 22,
    COUNT_MAX = (1 << COUNT_BITS) - 1,
    LENGTH_BITS = 10,
    LENGTH_MAX = (1 << LENGTH_BITS) - 1,
};

static_assert(ALIKE_MAX <= LENGTH_MAX && COUNT_BITS + LENGTH_BITS == 32, "they fit");

/* Pages whose keys were chosen so that their hashes have the same upper bits do not divide: their
 * packs get as large as somebody likes, and 16 bits for `count` were not enough. */
struct Pack {
    uint32_t bytes;
    uint32_t count : COUNT_BITS;
    uint32_t record_bytes : LENGTH_BITS; /* 0: rows */
    uint32_t room : COUNT_BITS;
    uint32_t varying : LENGTH_BITS; /* bytes of a record */
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

bool pack_is_alike(const Pack *pack)
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

/* ---- Alike ------------------------------------------------------------------------------- */

static int32_t mask_words(int32_t record_bytes)
{
    return (record_bytes + 63) / 64;
}

static int32_t alike_head_bytes(int32_t record_bytes)
{
    return 8 * mask_words(record_bytes) + record_bytes;
}

static const uint8_t *alike_mask(const Pack *pack)
{
    return pack->data;
}

static const uint8_t *alike_base(const Pack *pack)
{
    return alike_mask(pack) + 8 * mask_words(pack->record_bytes);
}

static const uint8_t *alike_folds(const Pack *pack)
{
    return alike_base(pack) + pack->record_bytes;
}

static const uint8_t *alike_rests(const Pack *pack)
{
    return alike_folds(pack) + 2 * (int64_t)pack->room;
}

/* Of what lies in a pack that is not constant. */
static uint8_t *pack_at(Pack *pack, const uint8_t *there)
{
    return (uint8_t *)pack + (there - (const uint8_t *)pack);
}

static void alike_read_mask(const Pack *pack, Mask *mask)
{
    memcpy(mask->words, alike_mask(pack), (size_t)(8 * mask_words(pack->record_bytes)));
}

/* For so many records, and those that come next. */
static int32_t alike_room(int32_t count, int32_t varying)
{
    int32_t step = varying <= NARROW_BYTES ? ROOM_STEP_NARROW : ROOM_STEP;
    return (count + step - 1) / step * step;
}

static uint64_t mark_of(const uint8_t *record)
{
    uint64_t mark;
    memcpy(&mark, record, sizeof mark);
    return mark;
}

/* All bytes of a mark go into it: it differs where one of them does, and where two differ it may be
 * the same. */
static inline uint8_t mark_fold(uint64_t mark)
{
    mark ^= mark >> 32;
    mark ^= mark >> 16;
    mark ^= mark >> 8;
    return (uint8_t)mark;
}

/* The mask without the first byte of the mark, which follows from the others and the fold: what
 * lies in a rest. */
static inline Mask alike_rest_mask(const Pack *pack)
{
    Mask mask;
    alike_read_mask(pack, &mask);
    uint64_t of_mark = mask.words[0] & 0xff;
    mask.words[0] &= ~(of_mark & -of_mark);
    return mask;
}

static int32_t rest_bytes_of(int32_t varying, const Mask *mask)
{
    return varying - ((mask->words[0] & 0xff) != 0);
}

static int32_t alike_rest_bytes(const Pack *pack)
{
    return pack->varying - (alike_mask(pack)[0] != 0);
}

/* The mark of the record with this rest and this fold: some bytes of `mark`, those of the bits
 * `varies`, are not that of the first one. It is made apart from the record: to read what has just
 * been written in pieces takes long. */
static inline uint64_t alike_mark(uint64_t mark, uint32_t varies, const uint8_t *rest, uint8_t fold)
{
    if (varies == 0)
        return mark;
    int32_t first = 8 * __builtin_ctz(varies);
    mark &= ~((uint64_t)0xff << first);
    for (varies &= varies - 1; varies != 0; varies &= varies - 1) {
        int32_t shift = 8 * __builtin_ctz(varies);
        mark = (mark & ~((uint64_t)0xff << shift)) | (uint64_t)*rest++ << shift;
    }
    return mark | (uint64_t)(uint8_t)(mark_fold(mark) ^ fold) << first;
}

/* Where in a record the bytes of a rest belong, those behind its mark. */
typedef struct Places {
    uint16_t at[ALIKE_MAX];
    int32_t first, count; /* of a rest; before are those of the mark */
} Places;

static void places_read(const Pack *pack, Places *places)
{
    Mask mask = alike_rest_mask(pack);
    places->first = __builtin_popcountll(mask.words[0] & 0xff);
    places->count = 0;
    mask.words[0] &= ~(uint64_t)0xff;
    for (int32_t w = 0; w < mask_words(pack->record_bytes); w++)
        for (uint64_t word = mask.words[w]; word != 0; word &= word - 1)
            places->at[places->count++] = (uint16_t)(64 * w + __builtin_ctzll(word));
}

static void alike_get(const Pack *pack, int32_t at, uint8_t *record)
{
    Mask mask = alike_rest_mask(pack);
    const uint8_t *base = alike_base(pack);
    const uint8_t *rest = alike_rests(pack) + (int64_t)at * alike_rest_bytes(pack);
    uint64_t mark = alike_mark(mark_of(base), alike_mask(pack)[0], rest, alike_folds(pack)[at]);
    memcpy(record, base, pack->record_bytes);
    memcpy(record, &mark, sizeof mark);
    rest += __builtin_popcountll(mask.words[0] & 0xff);
    mask.words[0] &= ~(uint64_t)0xff;
    for (int32_t w = 0; w < mask_words(pack->record_bytes); w++)
        for (uint64_t word = mask.words[w]; word != 0; word &= word - 1)
            record[64 * w + __builtin_ctzll(word)] = *rest++;
}

/* A bit for each byte that is not 0. */
static inline uint32_t bytes_set(uint64_t word)
{
    word |= word >> 4;
    word |= word >> 2;
    word |= word >> 1;
    word &= 0x0101010101010101U;
    return (uint32_t)((word * 0x0102040810204080U) >> 56);
}

/* The mask that it would have with the record among the others; how many bytes vary then. */
static int32_t alike_widen(const Pack *pack, const uint8_t *record, Mask *mask)
{
    const uint8_t *base = alike_base(pack);
    alike_read_mask(pack, mask);
    int32_t varying = pack->varying;
    for (int32_t at = 0; at < pack->record_bytes; at += 8) {
        int32_t left = pack->record_bytes - at;
        uint64_t there = 0, own = 0;
        memcpy(&there, base + at, left < 8 ? (size_t)left : sizeof there);
        memcpy(&own, record + at, left < 8 ? (size_t)left : sizeof own);
        uint64_t differs = (uint64_t)bytes_set(there ^ own) << (at % 64);
        varying += __builtin_popcountll(differs & ~mask->words[at / 64]);
        mask->words[at / 64] |= differs;
    }
    return varying;
}

static Pack *alike_new(Packs *packs, int32_t record_bytes, const Mask *mask, int32_t varying,
                       int32_t room)
{
    int64_t bytes = (int64_t)sizeof(Pack) + alike_head_bytes(record_bytes) +
                    (int64_t)(2 + rest_bytes_of(varying, mask)) * room;
    Pack *pack = packs_allocate(packs, bytes);
    *pack = (Pack){.bytes = (uint32_t)bytes,
                   .record_bytes = (uint32_t)record_bytes & LENGTH_MAX,
                   .varying = (uint32_t)varying & LENGTH_MAX,
                   .room = (uint32_t)room & COUNT_MAX};
    memcpy(pack->data, mask->words, (size_t)(8 * mask_words(record_bytes)));
    return pack;
}

static void alike_set(Pack *pack, int32_t at, const uint8_t *record)
{
    Mask mask = alike_rest_mask(pack);
    uint8_t *rest = pack_at(pack, alike_rests(pack)) + (int64_t)at * alike_rest_bytes(pack);
    for (int32_t w = 0; w < mask_words(pack->record_bytes); w++)
        for (uint64_t word = mask.words[w]; word != 0; word &= word - 1)
            *rest++ = record[64 * w + __builtin_ctzll(word)];
    pack_at(pack, alike_folds(pack))[at] = mark_fold(mark_of(record));
}

/* The same records, with more bytes that vary and more room. */
static Pack *alike_grow(Packs *packs, Pack *old, const Mask *mask, int32_t varying, int32_t room)
{
    Pack *pack = alike_new(packs, old->record_bytes, mask, varying, room);
    pack->count = old->count;
    memcpy(pack_at(pack, alike_base(pack)), alike_base(old), old->record_bytes);
    uint8_t *folds = pack_at(pack, alike_folds(pack));
    memcpy(folds, alike_folds(old), old->count);
    memcpy(folds + room, alike_folds(old) + old->room, old->count);
    if (varying == old->varying) {
        memcpy(pack_at(pack, alike_rests(pack)), alike_rests(old),
               (size_t)old->count * (size_t)alike_rest_bytes(old));
    } else {
        uint8_t record[ALIKE_MAX];
        for (int32_t i = 0; i < old->count; i++) {
            alike_get(old, i, record);
            alike_set(pack, i, record);
        }
    }
    packs_release(packs, old);
    return pack;
}

static Pack *alike_put(Packs *packs, Pack *pack, int32_t at, const uint8_t *record)
{
    Mask mask;
    int32_t varying = alike_widen(pack, record, &mask);
    int32_t room = at < pack->room ? pack->room : alike_room(at + 1, varying);
    if (varying != pack->varying || room != pack->room)
        pack = alike_grow(packs, pack, &mask, varying, room);
    alike_set(pack, at, record);
    return pack;
}

/* The bytes of a mark that stand at the start of a rest. */
typedef struct Wanted {
    uint8_t bytes[MARK_BYTES];
    int32_t count;
} Wanted;

/* False: those that do not vary are not those of the pack. */
static bool alike_want(const Pack *pack, uint64_t mark, Wanted *wanted)
{
    uint64_t differs = mark ^ mark_of(alike_base(pack));
    uint32_t of_mark = alike_mask(pack)[0];
    if ((bytes_set(differs) & ~of_mark) != 0)
        return false;
    wanted->count = 0;
    for (of_mark &= of_mark - 1; of_mark != 0; of_mark &= of_mark - 1)
        wanted->bytes[wanted->count++] = (uint8_t)(mark >> (8 * __builtin_ctz(of_mark)));
    return true;
}

static bool wanted_is_at(const Wanted *wanted, const uint8_t *rest)
{
    bool is_there = true;
    for (int32_t k = 0; k < wanted->count; k++)
        is_there &= rest[k] == wanted->bytes[k];
    return is_there;
}

static bool alike_has(const Pack *pack, int32_t at, uint64_t mark)
{
    Wanted wanted;
    return alike_folds(pack)[at] == mark_fold(mark) && alike_want(pack, mark, &wanted) &&
           wanted_is_at(&wanted, alike_rests(pack) + (int64_t)at * alike_rest_bytes(pack));
}

static int32_t alike_find(const Pack *pack, uint64_t mark, int32_t from)
{
    Wanted wanted;
    if (from >= pack->count || !alike_want(pack, mark, &wanted))
        return -1;
    const uint8_t *folds = alike_folds(pack), *rests = alike_rests(pack);
    int64_t rest_bytes = alike_rest_bytes(pack);
    while (from < pack->count) {
        const uint8_t *found = memchr(folds + from, mark_fold(mark), (size_t)(pack->count - from));
        if (found == NULL)
            return -1;
        int32_t at = (int32_t)(found - folds);
        if (wanted_is_at(&wanted, rests + rest_bytes * at))
            return at;
        from = at + 1;
    }
    return -1;
}

static void mask_add(Mask *mask, int32_t at, uint64_t differs)
{
    uint64_t bits = bytes_set(differs);
    mask->words[at / 64] |= bits << (at % 64);
    if (at % 64 > 64 - 8 && at / 64 + 1 < MASK_WORDS)
        mask->words[at / 64 + 1] |= bits >> (64 - at % 64);
}

/* Which bytes of the records are not those of the first; how many. Eight at a time, the last eight
 * once more if need be: a record has at least a mark. */
static int32_t alike_compare(const Str *records, int32_t count, Mask *mask)
{
    uint64_t differs[ALIKE_MAX / 8] = {0}, last = 0;
    const uint8_t *base = (const uint8_t *)records[0].data;
    int32_t length = (int32_t)records[0].length, varying = 0;
    for (int32_t i = 1; i < count; i++) {
        const uint8_t *record = (const uint8_t *)records[i].data;
        for (int32_t w = 0; w < length / 8; w++)
            differs[w] |= mark_of(record + (int64_t)8 * w) ^ mark_of(base + (int64_t)8 * w);
        last |= mark_of(record + length - 8) ^ mark_of(base + length - 8);
    }
    *mask = (Mask){0};
    for (int32_t w = 0; w < length / 8; w++)
        mask_add(mask, 8 * w, differs[w]);
    mask_add(mask, length - 8, last);
    for (int32_t w = 0; w < MASK_WORDS; w++)
        varying += __builtin_popcountll(mask->words[w]);
    return varying;
}

/* What alike_set does for each. */
static void alike_set_all(Pack *pack, const Str *records)
{
    static_assert(MARK_BYTES == 8, "a byte of the mask says which of a mark vary");
    Places places;
    places_read(pack, &places);
    uint32_t of_mark = alike_mask(pack)[0];
    of_mark &= of_mark - 1;
    uint8_t *rest = pack_at(pack, alike_rests(pack)), *folds = pack_at(pack, alike_folds(pack));
    for (int32_t i = 0; i < pack->count; i++) {
        const uint8_t *record = (const uint8_t *)records[i].data;
        uint64_t mark = mark_of(record);
        folds[i] = mark_fold(mark);
        for (uint32_t bits = of_mark; bits != 0; bits &= bits - 1)
            *rest++ = (uint8_t)(mark >> (8 * __builtin_ctz(bits)));
        for (int32_t k = 0; k < places.count; k++)
            rest[k] = record[places.at[k]];
        rest += places.count;
    }
}

static Pack *alike_make(Packs *packs, const Str *records, int32_t count)
{
    Mask mask;
    int32_t length = (int32_t)records[0].length;
    int32_t varying = alike_compare(records, count, &mask);
    Pack *pack = alike_new(packs, length, &mask, varying, alike_room(count, varying));
    pack->count = (uint32_t)count & COUNT_MAX;
    memcpy(pack_at(pack, alike_base(pack)), records[0].data, (size_t)length);
    alike_set_all(pack, records);
    return pack;
}

void pack_unpack(const Pack *pack, uint8_t *records, int64_t stride)
{
    assert(pack->record_bytes > 0);
    Places places;
    places_read(pack, &places);
    const uint8_t *base = alike_base(pack), *rest = alike_rests(pack), *folds = alike_folds(pack);
    uint32_t of_mark = alike_mask(pack)[0];
    for (int32_t i = 0; i < pack->count; i++, records += stride) {
        uint64_t mark = alike_mark(mark_of(base), of_mark, rest, folds[i]);
        rest += places.first;
        memcpy(records, base, pack->record_bytes);
        memcpy(records, &mark, sizeof mark);
        for (int32_t k = 0; k < places.count; k++)
            records[places.at[k]] = rest[k];
        rest += places.count;
    }
}

static Pack *alike_pick(Packs *packs, const Pack *old, const uint8_t *keeps, int32_t kept)
{
    Mask mask;
    alike_read_mask(old, &mask);
    Pack *pack =
        alike_new(packs, old->record_bytes, &mask, old->varying, alike_room(kept, old->varying));
    memcpy(pack_at(pack, alike_base(pack)), alike_base(old), old->record_bytes);
    pack->count = (uint32_t)kept & COUNT_MAX;
    const uint8_t *folds = alike_folds(old), *rest = alike_rests(old);
    uint8_t *to_fold = pack_at(pack, alike_folds(pack));
    uint8_t *to_rest = pack_at(pack, alike_rests(pack));
    size_t rest_bytes = (size_t)alike_rest_bytes(old);
    for (int32_t i = 0; i < old->count; i++, rest += rest_bytes) {
        if (!keeps[i])
            continue;
        *to_fold++ = folds[i];
        memcpy(to_rest, rest, rest_bytes);
        to_rest += rest_bytes;
    }
    return pack;
}

/* Of those that are alike next to what is searched, of rows behind all else. */
static const uint8_t *pack_flags_of(const Pack *pack)
{
    return pack->record_bytes > 0 ? alike_folds(pack) + pack->room
                                  : (const uint8_t *)pack + pack->bytes - pack->room;
}

uint8_t *pack_flags(Pack *pack)
{
    return pack_at(pack, pack_flags_of(pack));
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
    *pack = (Pack){.bytes = (uint32_t)bytes, .room = (uint32_t)room & COUNT_MAX};
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

static bool rows_has(const Pack *pack, int32_t at, uint64_t mark)
{
    return memcmp(rows_first(pack) + rows_end(pack, at - 1), &mark, sizeof mark) == 0;
}

static int32_t rows_find(const Pack *pack, uint64_t mark, int32_t from)
{
    for (int32_t i = from; i < pack->count; i++)
        if (rows_has(pack, i, mark))
            return i;
    return -1;
}

static Pack *rows_of_alike(Packs *packs, Pack *old)
{
    uint8_t record[ALIKE_MAX];
    Pack *pack = rows_new(packs, old->count, (int64_t)old->count * old->record_bytes);
    for (int32_t i = 0; i < old->count; i++) {
        alike_get(old, i, record);
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
    return pack->record_bytes > 0 ? alike_find(pack, mark, from) : rows_find(pack, mark, from);
}

bool pack_has(const Pack *pack, int32_t at, uint64_t mark)
{
    if (at >= pack_count(pack))
        return false;
    return pack->record_bytes > 0 ? alike_has(pack, at, mark) : rows_has(pack, at, mark);
}

void pack_prefetch(const Pack *pack)
{
    const uint8_t *bytes = (const uint8_t *)pack;
    for (int32_t line = 0; pack != NULL && line < HEAD_LINES; line++)
        __builtin_prefetch(bytes + LINE_BYTES * line);
}

void pack_prefetch_record(const Pack *pack, uint64_t mark)
{
    if (pack == NULL)
        return;
    const uint8_t *bytes = (const uint8_t *)pack;
    if (pack->record_bytes == 0) {
        for (int32_t line = HEAD_LINES; line < ROWS_LINES; line++)
            __builtin_prefetch(bytes + LINE_BYTES * line);
        return;
    }
    const uint8_t *folds = alike_folds(pack);
    const uint8_t *found = memchr(folds, mark_fold(mark), pack->count);
    if (found == NULL)
        return;
    int64_t rest_bytes = alike_rest_bytes(pack);
    const uint8_t *rest = alike_rests(pack) + rest_bytes * (found - folds);
    __builtin_prefetch(rest);
    __builtin_prefetch(rest + rest_bytes - 1);
}

void pack_get(const Pack *pack, int32_t at, Buffer *record)
{
    assert(at >= 0 && at < pack->count);
    record->length = 0;
    if (pack->record_bytes == 0) {
        buffer_append_str(record, rows_record(pack, at));
        return;
    }
    alike_get(pack, at, (uint8_t *)buffer_reserve(record, pack->record_bytes));
    record->length = pack->record_bytes;
}

static Pack *pack_first(Packs *packs, Str record)
{
    if (record.length > ALIKE_MAX)
        return rows_new(packs, 0, 0);
    Mask mask = {0};
    Pack *pack = alike_new(packs, (int32_t)record.length, &mask, 0, ROOM_STEP);
    memcpy(pack_at(pack, alike_base(pack)), record.data, (size_t)record.length);
    return pack;
}

Pack *pack_put(Packs *packs, Pack *pack, int32_t at, Str record, uint8_t flags)
{
    assert(at >= 0 && at <= pack_count(pack) && at < COUNT_MAX - ROOM_STEP_NARROW);
    assert(record.length >= MARK_BYTES);
    if (pack == NULL)
        pack = pack_first(packs, record);
    if (pack->record_bytes > 0 && pack->record_bytes != record.length)
        pack = rows_of_alike(packs, pack);
    if (pack->record_bytes == 0) {
        pack = rows_put(packs, pack, at, record);
    } else {
        pack = alike_put(packs, pack, at, (const uint8_t *)record.data);
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
    assert(count < COUNT_MAX - ROOM_STEP_NARROW);
    bool are_alike = records[0].length <= ALIKE_MAX;
    for (int32_t i = 0; i < count; i++) {
        assert(records[i].length >= MARK_BYTES);
        are_alike = are_alike && records[i].length == records[0].length;
    }
    Pack *pack = are_alike ? alike_make(packs, records, count) : rows_make(packs, records, count);
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
    Pack *pack = alike_pick(packs, old, keeps, kept);
    uint8_t *to = pack_flags(pack);
    const uint8_t *flags = pack_flags_of(old);
    for (int32_t i = 0, k = 0; i < old->count; i++)
        if (keeps[i])
            to[k++] = flags[i];
    return pack;
}
