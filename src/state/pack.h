/* Entries of a state table that are not at hand, packed.
 *
 *   alike     [ which bytes vary | bytes of the first | fold × room | flags × room | rest × room ]
 *   rows      [ end × count | record | record | … | flags × count ]
 *
 * A record is some bytes, of which the first eight, its mark, say what it is looked for by. As long
 * as all records are of one length a byte that is the same in all of them is kept once, so that a
 * count and a sum under a word take some ten bytes. All that is looked at to find a mark lies
 * together, and so does what is left of the record: a pack that is in no cache is waited for once
 * or twice. The fold of a mark's bytes stands in place of the first of those that vary. Records of
 * several lengths lie one behind the other. In memory and in RocksDB a pack is the same run of
 * bytes. */
#ifndef WEIR_STATE_PACK_H
#define WEIR_STATE_PACK_H

#include "base/buffer.h"
#include "state/packs.h"

/* NULL: no records. Made by pack_put, pack_make and pack_pick, given up with packs_release. */
typedef struct Pack Pack;

int32_t pack_count(const Pack *pack);
/* All records are of one length, and not too long. */
bool pack_is_alike(const Pack *pack);
/* Of the run of bytes from the pointer on. */
int64_t pack_bytes(const Pack *pack);
/* Some bits for each record, the caller's. */
uint8_t *pack_flags(Pack *pack);

/* The first record from number `from` on that has the mark, or -1. */
int32_t pack_find(const Pack *pack, uint64_t mark, int32_t from);

/* Whether that is the mark of record number `at`, if there is one. */
bool pack_has(const Pack *pack, int32_t at, uint64_t mark);

/* Have what is searched of the pack on its way to the cache; and, once it is there, the record.
 * NULL is allowed. */
void pack_prefetch(const Pack *pack);
void pack_prefetch_record(const Pack *pack, uint64_t mark);

/* `record` becomes record number `at`. */
void pack_get(const Pack *pack, int32_t at, Buffer *record);

/* Record `at` becomes `record`, which is at least eight bytes long; `at` equal to the count adds
 * one. Takes the pack over and returns it or its successor. */
Pack *pack_put(Packs *packs, Pack *pack, int32_t at, Str record, uint8_t flags);

/* A new pack of these records; NULL where there are none. */
Pack *pack_make(Packs *packs, const Str *records, const uint8_t *flags, int32_t count);
/* The records of a pack of those that are alike, all that are there, `stride` bytes apart. */
void pack_unpack(const Pack *pack, uint8_t *records, int64_t stride);
/* How long each of its records is; 0: of several lengths. */
int32_t pack_record_bytes(const Pack *pack);

/* A new pack of those records for which `keeps` is not 0, with their flags. */
Pack *pack_pick(Packs *packs, const Pack *pack, const uint8_t *keeps);

#endif
