/* Pages of tables in RocksDB. */
#include "state/spill.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "state/rocks.h"

enum {
    KEY_BYTES = 8,
    LEAST_PART = 4,    /* of the budget stays, however short memory is */
    TIGHTEN_PART = 32, /* of what is used goes at a time */
    AT_HAND_PART = 16, /* of the budget is for entries at hand */
    READ_MAX = 256,    /* pages asked for at once */
    BUFFER_PART = 32,  /* of the budget, for what is on its way to disk … */
    BUFFER_BYTES_MIN = 1 << 20,
    BUFFER_BYTES_MAX = 16 << 20,
    BUFFERS = 2,
    CACHE_PART = 64, /* … and for blocks that were read: most of what comes is asked for once */
    CACHE_BYTES_MIN = 1 << 20,
    BLOCK_BYTES = 4096,
    FILTER_BITS = 10,
    OPEN_FILES_MAX = 256,
    FILES_PER_MERGE = 8,
    LOG_LEVEL_FATAL = 4,
};

struct Spill {
    World *world;
    char *folder;                      /* NULL: in memory */
    int64_t buffer_bytes, cache_bytes; /* RocksDB's */
    int64_t budget_least, budget_most; /* between which the next one stays */
    _Atomic int64_t budget_bytes;      /* the tables' */
    _Atomic int64_t used_bytes;
    _Atomic int64_t at_hand_bytes; /* of these */
    _Atomic int32_t table_count;
    _Atomic uint32_t table_next;
    pthread_mutex_t mutex; /* of opening */
    _Atomic bool is_open;
    const RocksApi *api;
    rocksdb_t *db;
    rocksdb_env_t *env;
    rocksdb_cache_t *cache;
    rocksdb_options_t *options;
    rocksdb_column_family_handle_t *family;
    rocksdb_writeoptions_t *writing;
    rocksdb_readoptions_t *reading;
};

static int64_t bytes_between(int64_t bytes, int64_t least, int64_t most)
{
    return bytes < least ? least : bytes > most ? most : bytes;
}

Spill *spill_new(World *world, const char *folder, int64_t budget_bytes)
{
    assert(budget_bytes >= 0);
    Spill *spill = memory_allocate_zeroed((int64_t)sizeof *spill);
    spill->world = world;
    spill->buffer_bytes =
        bytes_between(budget_bytes / BUFFER_PART, BUFFER_BYTES_MIN, BUFFER_BYTES_MAX);
    spill->cache_bytes = bytes_between(budget_bytes / CACHE_PART, CACHE_BYTES_MIN, INT64_MAX);
    spill->budget_bytes = bytes_between(
        budget_bytes - BUFFERS * spill->buffer_bytes - spill->cache_bytes, 0, INT64_MAX);
    if (folder != NULL) {
        spill->folder = memory_allocate((int64_t)strlen(folder) + 1);
        memcpy(spill->folder, folder, strlen(folder) + 1);
    }
    spill->budget_most = spill->budget_bytes;
    spill->budget_least = spill->budget_bytes / LEAST_PART;
    pthread_mutex_init(&spill->mutex, NULL);
    return spill;
}

Status spill_check(Spill *spill, Error *error)
{
    return rocks_load(&spill->api, error);
}

bool spill_is_available(void)
{
    const RocksApi *api;
    return rocks_load(&api, NULL) == OK;
}

uint32_t spill_enter(Spill *spill)
{
    atomic_fetch_add(&spill->table_count, 1);
    return atomic_fetch_add(&spill->table_next, 1);
}

void spill_leave(Spill *spill)
{
    atomic_fetch_sub(&spill->table_count, 1);
}

void spill_account(Spill *spill, int64_t change_bytes)
{
    atomic_fetch_add_explicit(&spill->used_bytes, change_bytes, memory_order_relaxed);
}

int64_t spill_share(const Spill *spill)
{
    int32_t count = atomic_load_explicit(&spill->table_count, memory_order_relaxed);
    return atomic_load_explicit(&spill->budget_bytes, memory_order_relaxed) /
           (count > 0 ? count : 1);
}

int64_t spill_excess(const Spill *spill)
{
    return atomic_load_explicit(&spill->used_bytes, memory_order_relaxed) -
           atomic_load_explicit(&spill->budget_bytes, memory_order_relaxed);
}

void spill_account_at_hand(Spill *spill, int64_t change_bytes)
{
    atomic_fetch_add_explicit(&spill->at_hand_bytes, change_bytes, memory_order_relaxed);
}

int64_t spill_share_at_hand(const Spill *spill)
{
    return spill_share(spill) / AT_HAND_PART;
}

int64_t spill_excess_at_hand(const Spill *spill)
{
    return atomic_load_explicit(&spill->at_hand_bytes, memory_order_relaxed) -
           atomic_load_explicit(&spill->budget_bytes, memory_order_relaxed) / AT_HAND_PART;
}

void spill_tighten(Spill *spill, bool is_short, int64_t bytes)
{
    int64_t used = atomic_load(&spill->used_bytes), before = atomic_load(&spill->budget_bytes);
    int64_t less = used / TIGHTEN_PART > bytes ? used / TIGHTEN_PART : bytes;
    int64_t wanted = used - (is_short ? less : 0);
    wanted = wanted > spill->budget_least ? wanted : spill->budget_least;
    if (wanted < before)
        atomic_store(&spill->budget_bytes, wanted);
}

void spill_loosen(Spill *spill)
{
    int64_t before = atomic_load(&spill->budget_bytes);
    int64_t wanted = before + spill->budget_most / TIGHTEN_PART;
    if (before < spill->budget_most)
        atomic_store(&spill->budget_bytes,
                     wanted < spill->budget_most ? wanted : spill->budget_most);
}

/* ---- Opening ----------------------------------------------------------------------------- */

/* What is unsaid is the library's own choice. */
static void spill_choose(Spill *spill)
{
    const RocksApi *api = spill->api;
    spill->options = api->rocksdb_options_create();
    api->rocksdb_options_set_create_if_missing(spill->options, 1);
    api->rocksdb_options_set_compression(spill->options, rocksdb_no_compression);
    api->rocksdb_options_set_info_log_level(spill->options, LOG_LEVEL_FATAL);
    api->rocksdb_options_set_keep_log_file_num(spill->options, 1);
    api->rocksdb_options_set_stats_dump_period_sec(spill->options, 0);
    api->rocksdb_options_set_max_open_files(spill->options, OPEN_FILES_MAX);
    api->rocksdb_options_set_max_background_jobs(spill->options, 2);
    api->rocksdb_options_set_write_buffer_size(spill->options, (size_t)spill->buffer_bytes);
    api->rocksdb_options_set_max_write_buffer_number(spill->options, BUFFERS);
    api->rocksdb_options_set_enable_blob_files(spill->options, 1);
    api->rocksdb_options_set_min_blob_size(spill->options, 64);
    api->rocksdb_options_set_blob_file_size(spill->options, 64 << 20);
    api->rocksdb_options_set_enable_blob_gc(spill->options, 1);
    /* Most pages are written again, or forgotten, before long: a file is empty by itself then, and
     * whoever clears up early copies pages for nothing. With the library's own choice that was more
     * than half of all work. */
    api->rocksdb_options_set_blob_gc_age_cutoff(spill->options, 0.05);
    api->rocksdb_options_set_blob_gc_force_threshold(spill->options, 0.9);
    api->rocksdb_options_set_level0_file_num_compaction_trigger(spill->options, FILES_PER_MERGE);
    api->rocksdb_options_set_level0_slowdown_writes_trigger(spill->options, 4 * FILES_PER_MERGE);
    api->rocksdb_options_set_level0_stop_writes_trigger(spill->options, 6 * FILES_PER_MERGE);
    rocksdb_block_based_table_options_t *table = api->rocksdb_block_based_options_create();
    spill->cache = api->rocksdb_cache_create_lru((size_t)spill->cache_bytes);
    api->rocksdb_block_based_options_set_block_cache(table, spill->cache);
    api->rocksdb_block_based_options_set_block_size(table, BLOCK_BYTES);
    /* The options take the filter over. */
    api->rocksdb_block_based_options_set_filter_policy(
        table, api->rocksdb_filterpolicy_create_bloom_full(FILTER_BITS));
    api->rocksdb_options_set_block_based_table_factory(spill->options, table);
    api->rocksdb_block_based_options_destroy(table);
    if (spill->folder == NULL) {
        spill->env = api->rocksdb_create_mem_env();
        api->rocksdb_options_set_env(spill->options, spill->env);
    }
    spill->writing = api->rocksdb_writeoptions_create();
    api->rocksdb_writeoptions_disable_WAL(spill->writing, 1);
    spill->reading = api->rocksdb_readoptions_create();
}

static Status spill_failed(const Spill *spill, char *reason, Error *error)
{
    bool is_full = strstr(reason, "No space left") != NULL;
    Status status =
        fail(error, is_full ? ERR_FULL : ERR_IO, "WR5312", "could not put state aside in %s: %s",
             spill->folder != NULL ? spill->folder : "memory", reason);
    error_hint(error, "free some space or repair the disk; the next run resumes from the last "
                      "checkpoint");
    spill->api->rocksdb_free(reason);
    return status;
}

static Status spill_open_locked(Spill *spill, Error *error)
{
    const char *folder = spill->folder;
    TRY(rocks_load(&spill->api, error));
    if (folder != NULL) {
        TRY(world_remove_tree(spill->world, folder, error));
        TRY(spill->world->kind->make_folder(spill->world, folder, error));
    }
    if (spill->options == NULL)
        spill_choose(spill);
    char *reason = NULL;
    const char *name = "default";
    const rocksdb_options_t *options = spill->options;
    spill->db = spill->api->rocksdb_open_column_families(
        options, folder != NULL ? folder : "/spill", 1, &name, &options, &spill->family, &reason);
    if (spill->db == NULL)
        return spill_failed(spill, reason, error);
    atomic_store(&spill->is_open, true);
    return OK;
}

static Status spill_open(Spill *spill, Error *error)
{
    if (atomic_load(&spill->is_open))
        return OK;
    pthread_mutex_lock(&spill->mutex);
    Status status = atomic_load(&spill->is_open) ? OK : spill_open_locked(spill, error);
    pthread_mutex_unlock(&spill->mutex);
    return status;
}

static void spill_close(Spill *spill)
{
    const RocksApi *api = spill->api;
    if (spill->db != NULL) {
        api->rocksdb_column_family_handle_destroy(spill->family);
        api->rocksdb_close(spill->db);
    }
    if (spill->options != NULL) {
        api->rocksdb_options_destroy(spill->options);
        api->rocksdb_cache_destroy(spill->cache);
        api->rocksdb_writeoptions_destroy(spill->writing);
        api->rocksdb_readoptions_destroy(spill->reading);
    }
    if (spill->env != NULL)
        api->rocksdb_env_destroy(spill->env);
    /* Whoever comes next empties it as well. */
    if (spill->db != NULL && spill->folder != NULL) {
        Status ignored = world_remove_tree(spill->world, spill->folder, NULL);
        (void)ignored;
    }
}

void spill_free(Spill *spill)
{
    if (spill == NULL)
        return;
    assert(atomic_load(&spill->table_count) == 0);
    spill_close(spill);
    pthread_mutex_destroy(&spill->mutex);
    memory_free(spill->folder);
    memory_free(spill);
}

/* ---- Pages ------------------------------------------------------------------------------- */

static void put_u32(char *at, uint32_t value)
{
    value = __builtin_bswap32(value);
    memcpy(at, &value, sizeof value);
}

/* In order of the bytes: of the table, then of the number. */
static void page_key(char *key, uint32_t table, uint32_t number)
{
    put_u32(key, table);
    put_u32(key + 4, number);
}

Status spill_write(Spill *spill, uint32_t table, const SpillPage *pages, int32_t count,
                   Error *error)
{
    TRY(spill_open(spill, error));
    const RocksApi *api = spill->api;
    rocksdb_writebatch_t *batch = api->rocksdb_writebatch_create();
    for (int32_t i = 0; i < count; i++) {
        char key[KEY_BYTES];
        page_key(key, table, pages[i].number);
        api->rocksdb_writebatch_put(batch, key, sizeof key, pages[i].bytes.data,
                                    (size_t)pages[i].bytes.length);
    }
    char *reason = NULL;
    api->rocksdb_write(spill->db, spill->writing, batch, &reason);
    api->rocksdb_writebatch_destroy(batch);
    return reason == NULL ? OK : spill_failed(spill, reason, error);
}

void spill_forget(Spill *spill, uint32_t table)
{
    if (!atomic_load(&spill->is_open))
        return;
    const RocksApi *api = spill->api;
    rocksdb_writebatch_t *batch = api->rocksdb_writebatch_create();
    char first[KEY_BYTES], last[KEY_BYTES], *reason = NULL;
    page_key(first, table, 0);
    page_key(last, table + 1, 0);
    api->rocksdb_writebatch_delete_range(batch, first, sizeof first, last, sizeof last);
    api->rocksdb_write(spill->db, spill->writing, batch, &reason);
    api->rocksdb_writebatch_destroy(batch);
    /* It only takes up room then, until the run ends. */
    if (reason != NULL)
        api->rocksdb_free(reason);
}

static __attribute__((noreturn)) void spill_lost(const Spill *spill, const char *reason)
{
    static const char CODE[] = "WR5313";
    char text[1024];
    int length = snprintf(text, sizeof text,
                          "error[%s]: state that was put aside in %s cannot be read back: %s\n"
                          "   = help: look at the disk; the next run resumes from the last "
                          "checkpoint\n"
                          "   = explain: weir explain-error %s\n",
                          CODE, spill->folder != NULL ? spill->folder : "memory", reason, CODE);
    ssize_t done = write(STDERR_FILENO, text, (size_t)length);
    (void)done;
    _exit(MEMORY_EXIT_CODE);
}

static void spill_read_some(Spill *spill, uint32_t table, const uint32_t *numbers, int32_t count,
                            rocksdb_pinnableslice_t **values)
{
    char keys[READ_MAX][KEY_BYTES];
    const char *pointers[READ_MAX];
    size_t lengths[READ_MAX];
    char *reasons[READ_MAX] = {0};
    for (int32_t i = 0; i < count; i++) {
        page_key(keys[i], table, numbers[i]);
        pointers[i] = keys[i];
        lengths[i] = KEY_BYTES;
    }
    spill->api->rocksdb_batched_multi_get_cf(spill->db, spill->reading, spill->family,
                                             (size_t)count, pointers, lengths, values, reasons,
                                             true);
    for (int32_t i = 0; i < count; i++) {
        if (reasons[i] != NULL)
            spill_lost(spill, reasons[i]);
        if (values[i] == NULL)
            spill_lost(spill, "it is not there any more");
    }
}

void spill_read(Spill *spill, uint32_t table, const uint32_t *numbers, int32_t count,
                void (*take)(void *context, int32_t i, Str bytes), void *context)
{
    assert(count == 0 || atomic_load(&spill->is_open));
    rocksdb_pinnableslice_t *values[READ_MAX];
    for (int32_t first = 0; first < count; first += READ_MAX) {
        int32_t some = count - first < READ_MAX ? count - first : READ_MAX;
        spill_read_some(spill, table, numbers + first, some, values);
        for (int32_t i = 0; i < some; i++) {
            size_t length = 0;
            const char *bytes = spill->api->rocksdb_pinnableslice_value(values[i], &length);
            take(context, first + i, str_make(bytes, (int64_t)length));
            spill->api->rocksdb_pinnableslice_destroy(values[i]);
        }
    }
}
