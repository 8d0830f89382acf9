/* Rows that were looked up, by key: what one batch is working with, and what is kept for the next.
 *
 *     key ──> LookupEntry ──> rows
 *               refs: one for whoever works with it, one for the cache
 *
 * An entry that leaves the cache lives until the last one lets go of it. */
#ifndef WEIR_EXEC_JOIN_LOOKUP_STORE_H
#define WEIR_EXEC_JOIN_LOOKUP_STORE_H

#include "exec/join/row_pool.h"
#include "plan/connector.h"
#include "state/table.h"

typedef struct LookupEntry LookupEntry;
struct LookupEntry {
    StoredRow *first, *last; /* by StoredRow.next */
    int32_t refs;
    int64_t written_us, used_us;
    /* In the cache: its place, and its neighbours by last use. */
    uint8_t *value;
    LookupEntry *older, *newer;
};

typedef struct LookupStore {
    RowPool rows;
    StateTable *table; /* of LookupEntry pointers */
    LookupCache cache;
    LookupEntry *oldest, *newest;
    int64_t entry_bytes;
} LookupStore;

/* What it is given must outlive it. */
void lookup_store_open(LookupStore *store, const TableKey *key, const Schema *rows,
                       const LookupCache *cache);
void lookup_store_close(LookupStore *store);

/* The entry in the cache for key number `at`, held for the caller; NULL if there is none that is
 * still good at `now_us`. */
LookupEntry *lookup_store_find(LookupStore *store, const TableKeys *keys, int32_t at,
                               int64_t now_us);
/* A new one without rows, held for the caller. */
LookupEntry *lookup_store_new(LookupStore *store);
void lookup_entry_add(LookupEntry *entry, StoredRow *row);
/* Remember the entry as far as the cache allows. */
void lookup_store_put(LookupStore *store, const TableKeys *keys, int32_t at, LookupEntry *entry,
                      int64_t now_us);
/* The caller lets go of it. */
void lookup_store_release(LookupStore *store, LookupEntry *entry);
int64_t lookup_store_bytes(const LookupStore *store);

#endif
