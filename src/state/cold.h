/* Inside state/: the entries of a table that are not at hand.
 *
 *     hash, high bits of its tag ──> directory ──> page [ number | depth | pack ]      extendible
 * hashing │ memory or RocksDB (spill.h)
 *
 * The table itself holds the entries that are in use. Between batches those that were not wanted
 * lately are packed into the page of their hash; pages that were not wanted lately leave memory.
 * An entry that is wanted is taken out of its page, which keeps a copy with the flag TAKEN: what it
 * is put back over, or, once the entry has been deleted, what is left out when the page divides.
 *
 * Of a pass (keyed.h) the colour of a page is that of its entries, but for those that were put back
 * meanwhile and are DONE. Pointers to values are good until cold_make_room. */
#ifndef WEIR_STATE_COLD_H
#define WEIR_STATE_COLD_H

#include "state/internal.h"
#include "state/spill.h"

/* For a table that has no entries yet. */
Cold *cold_new(StateTable *table, Spill *spill);
/* With or without. */
void cold_free(StateTable *table);
/* All entries in pages are no more. */
void cold_clear(StateTable *table);

/* Entries in pages, and what they and their pages take up in memory. */
int64_t cold_count(const Cold *cold);
int64_t cold_bytes(const Cold *cold);

/* Have the entries of these keys at hand, those that there are. */
void cold_fetch(StateTable *table, const TableKeys *keys, int32_t first, int32_t count);
void cold_fetch_one(StateTable *table, const Probe *probe);
enum { COLD_EXPECT_MAX = 256 };
/* Up to so many entries with these hashes are about to be fetched one by one: read their pages at
 * one go, those of the first where records are wide. Of how many. */
int32_t cold_expect(StateTable *table, const uint64_t *hashes, int32_t count);

/* Between batches: put entries and pages away until the table keeps to its share. */
Status cold_make_room(StateTable *table, Error *error);
/* What the table may have in memory in any case. */
int64_t cold_share(const StateTable *table);
/* Whether all tables together have more than they may. */
bool cold_is_short(const StateTable *table);
/* The same for a table that nobody has asked for lately: it keeps nothing at hand, and in pages no
 * more than so many bytes where memory is short. */
Status cold_make_idle_room(StateTable *table, int64_t kept_bytes, Error *error);

/* As table_next_run, for the entries in pages: those that are given out are at hand until the next
 * call. 0: there are no more. */
int32_t cold_next_run(StateTable *table, int64_t *cursor, uint8_t **values, int32_t room);

/* As table_read_run, for the entries in pages. */
int32_t cold_read_run(StateTable *table, int64_t *cursor, uint8_t **values, int32_t room);

/* The same, of those entries only whose place is before page number `until`; 0: there are no more
 * of them yet. */
int32_t cold_read_until(StateTable *table, int64_t *cursor, int64_t until, uint8_t **values,
                        int32_t room);

/* A pass over all pages: from the first one on; until about so many bytes have been saved in all,
 * or as many pages looked at as *looks still allows. Whether it has come to its end. */
void cold_begin_pass(Cold *cold);
bool cold_save_some(StateTable *table, const Buffer *out, int64_t bytes, int64_t *looks);

#endif
