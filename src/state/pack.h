/* Entries of a state table that are not at hand, packed.
 *
 *   columns   [ which bytes vary | bytes of the first | column × room | … | flags × room ]
 *   rows      [ end × count | record | record | … | flags × count ]
 *
 * A record is some bytes, of which the first eight, its mark, say what it is looked for by. As long
 * as all records are of one length they lie in columns: a byte that is the same in all of them is
 * kept once, so that a count and a sum under a word take some ten bytes. Records of several lengths
 * lie one behind the other. In memory and in RocksDB a pack is the same run of bytes. */
#ifndef WEIR_STATE_PACK_H
#define WEIR_STATE_PACK_H

#include "base/buffer.h"
#include "state/packs.h"

/* NULL: no records. Made by pack_put, pack_make and pack_pick, given up with packs_release. */
typedef struct Pack Pack;

int32_t pack_count(const Pack *pack);
bool pack_has_columns(const Pack *pack);
/* Of the run of bytes from the pointer on. */
int64_t pack_bytes(const Pack *pack);
/* Some bits for each record, the caller's. */
uint8_t *pack_flags(Pack *pack);

/* The first record from number `from` on that has the mark, or -1. */
int32_t pack_find(const Pack *pack, uint64_t mark, int32_t from);

/* `record` becomes record number `at`. */
void pack_get(const Pack *pack, int32_t at, Buffer *record);

/* Record `at` becomes `record`, which is at least eight bytes long; `at` equal to the count adds
 * one. Takes the pack over and returns it or its successor. */
Pack *pack_put(Packs *packs, Pack *pack, int32_t at, Str record, uint8_t flags);

/* A new pack of these records; NULL where there are none. */
Pack *pack_make(Packs *packs, const Str *records, const uint8_t *flags, int32_t count);
/* The records of a pack that has columns, all that are there, `stride` bytes apart. */
void pack_unpack(const Pack *pack, uint8_t *records, int64_t stride);
/* How long each of its records is; 0: of several lengths. */
int32_t pack_record_bytes(const Pack *pack);

/* A new pack of those records for which `keeps` is not 0, with their flags. */
Pack *pack_pick(Packs *packs, const Pack *pack, const uint8_t *keeps);

#endif
