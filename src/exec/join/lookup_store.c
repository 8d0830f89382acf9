/* Rows that were looked up, by key. */
#include "exec/join/lookup_store.h"

#include <assert.h>

#include "base/memory.h"

void lookup_store_open(LookupStore *store, const TableKey *key, const Schema *rows,
                       const LookupCache *cache)
{
    *store = (LookupStore){
        .rows = {.schema = rows},
        .table = table_new(key, (int32_t)sizeof(LookupEntry *)),
        .cache = *cache,
    };
}

static LookupEntry **entry_place(uint8_t *value)
{
    return (LookupEntry **)(void *)value;
}

/* ---- Order of use ------------------------------------------------------------------------ */

static void store_unlink(LookupStore *store, LookupEntry *entry)
{
    if (entry->older == NULL)
        store->oldest = entry->newer;
    else
        entry->older->newer = entry->newer;
    if (entry->newer == NULL)
        store->newest = entry->older;
    else
        entry->newer->older = entry->older;
    entry->older = entry->newer = NULL;
}

static void store_link(LookupStore *store, LookupEntry *entry)
{
    entry->older = store->newest;
    entry->newer = NULL;
    if (store->newest == NULL)
        store->oldest = entry;
    else
        store->newest->newer = entry;
    store->newest = entry;
}

/* ---- Lifetime ---------------------------------------------------------------------------- */

LookupEntry *lookup_store_new(LookupStore *store)
{
    LookupEntry *entry = memory_allocate_zeroed((int64_t)sizeof *entry);
    entry->refs = 1;
    store->entry_bytes += (int64_t)sizeof *entry;
    return entry;
}

void lookup_entry_add(LookupEntry *entry, StoredRow *row)
{
    row->next = NULL;
    if (entry->last == NULL)
        entry->first = row;
    else
        entry->last->next = row;
    entry->last = row;
}

void lookup_store_release(LookupStore *store, LookupEntry *entry)
{
    assert(entry->refs > 0);
    if (--entry->refs > 0)
        return;
    assert(entry->value == NULL);
    StoredRow *row = entry->first;
    while (row != NULL) {
        StoredRow *next = row->next;
        row_pool_remove(&store->rows, row);
        row = next;
    }
    store->entry_bytes -= (int64_t)sizeof *entry;
    memory_free(entry);
}

static void store_evict(LookupStore *store, LookupEntry *entry)
{
    store_unlink(store, entry);
    table_delete(store->table, entry->value);
    entry->value = NULL;
    lookup_store_release(store, entry);
}

void lookup_store_close(LookupStore *store)
{
    while (store->oldest != NULL)
        store_evict(store, store->oldest);
    table_free(store->table);
    row_pool_close(&store->rows);
    *store = (LookupStore){0};
}

/* ---- The cache --------------------------------------------------------------------------- */

static bool entry_is_expired(const LookupStore *store, const LookupEntry *entry, int64_t now_us)
{
    const LookupCache *cache = &store->cache;
    return (cache->expire_after_write_us > 0 &&
            now_us - entry->written_us >= cache->expire_after_write_us) ||
           (cache->expire_after_access_us > 0 &&
            now_us - entry->used_us >= cache->expire_after_access_us);
}

LookupEntry *lookup_store_find(LookupStore *store, const TableKeys *keys, int32_t at,
                               int64_t now_us)
{
    uint8_t *value;
    table_find(store->table, keys, at, 1, &value);
    if (value == NULL)
        return NULL;
    LookupEntry *entry = *entry_place(value);
    if (entry_is_expired(store, entry, now_us)) {
        store_evict(store, entry);
        return NULL;
    }
    entry->used_us = now_us;
    entry->refs++;
    if (entry != store->newest) {
        store_unlink(store, entry);
        store_link(store, entry);
    }
    return entry;
}

void lookup_store_put(LookupStore *store, const TableKeys *keys, int32_t at, LookupEntry *entry,
                      int64_t now_us)
{
    assert(entry->value == NULL);
    if (store->cache.kind == LOOKUP_CACHE_NONE ||
        (entry->first == NULL && !store->cache.keeps_missing))
        return;
    uint8_t *value;
    table_find_or_insert(store->table, keys, at, 1, &value);
    if (*entry_place(value) != NULL) {
        store_evict(store, *entry_place(value));
        table_find_or_insert(store->table, keys, at, 1, &value);
    }
    *entry_place(value) = entry;
    entry->value = value;
    entry->written_us = entry->used_us = now_us;
    entry->refs++;
    store_link(store, entry);
    int64_t most = store->cache.rows_max;
    while (most > 0 && table_count(store->table) > most)
        store_evict(store, store->oldest);
    /* What has not been used for so long goes even if nobody asks for it again. */
    while (store->oldest != NULL && store->oldest != entry &&
           entry_is_expired(store, store->oldest, now_us))
        store_evict(store, store->oldest);
}

int64_t lookup_store_bytes(const LookupStore *store)
{
    return table_bytes(store->table) + row_pool_bytes(&store->rows) + store->entry_bytes;
}
