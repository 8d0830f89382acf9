/* RocksDB, loaded when state first has to leave memory: most runs never need it, and it would
 * double the time that weir takes to start. */
#ifndef WEIR_STATE_ROCKS_H
#define WEIR_STATE_ROCKS_H

#include <rocksdb/c.h>

#include "base/status.h"

#define ROCKS_FUNCTIONS(APPLY)                                                                     \
    APPLY(rocksdb_open_column_families)                                                            \
    APPLY(rocksdb_close)                                                                           \
    APPLY(rocksdb_free)                                                                            \
    APPLY(rocksdb_write)                                                                           \
    APPLY(rocksdb_batched_multi_get_cf)                                                            \
    APPLY(rocksdb_pinnableslice_value)                                                             \
    APPLY(rocksdb_pinnableslice_destroy)                                                           \
    APPLY(rocksdb_column_family_handle_destroy)                                                    \
    APPLY(rocksdb_create_mem_env)                                                                  \
    APPLY(rocksdb_env_destroy)                                                                     \
    APPLY(rocksdb_cache_create_lru)                                                                \
    APPLY(rocksdb_cache_destroy)                                                                   \
    APPLY(rocksdb_filterpolicy_create_bloom_full)                                                  \
    APPLY(rocksdb_block_based_options_create)                                                      \
    APPLY(rocksdb_block_based_options_destroy)                                                     \
    APPLY(rocksdb_block_based_options_set_block_size)                                              \
    APPLY(rocksdb_block_based_options_set_block_cache)                                             \
    APPLY(rocksdb_block_based_options_set_filter_policy)                                           \
    APPLY(rocksdb_options_create)                                                                  \
    APPLY(rocksdb_options_destroy)                                                                 \
    APPLY(rocksdb_options_set_env)                                                                 \
    APPLY(rocksdb_options_set_create_if_missing)                                                   \
    APPLY(rocksdb_options_set_compression)                                                         \
    APPLY(rocksdb_options_set_info_log_level)                                                      \
    APPLY(rocksdb_options_set_keep_log_file_num)                                                   \
    APPLY(rocksdb_options_set_stats_dump_period_sec)                                               \
    APPLY(rocksdb_options_set_max_open_files)                                                      \
    APPLY(rocksdb_options_set_max_background_jobs)                                                 \
    APPLY(rocksdb_options_set_write_buffer_size)                                                   \
    APPLY(rocksdb_options_set_max_write_buffer_number)                                             \
    APPLY(rocksdb_options_set_level0_file_num_compaction_trigger)                                  \
    APPLY(rocksdb_options_set_level0_slowdown_writes_trigger)                                      \
    APPLY(rocksdb_options_set_level0_stop_writes_trigger)                                          \
    APPLY(rocksdb_options_set_blob_gc_force_threshold)                                             \
    APPLY(rocksdb_options_set_blob_gc_age_cutoff)                                                  \
    APPLY(rocksdb_options_set_enable_blob_gc)                                                      \
    APPLY(rocksdb_options_set_blob_file_size)                                                      \
    APPLY(rocksdb_options_set_min_blob_size)                                                       \
    APPLY(rocksdb_options_set_enable_blob_files)                                                   \
    APPLY(rocksdb_options_set_block_based_table_factory)                                           \
    APPLY(rocksdb_writeoptions_create)                                                             \
    APPLY(rocksdb_writeoptions_destroy)                                                            \
    APPLY(rocksdb_writeoptions_disable_WAL)                                                        \
    APPLY(rocksdb_readoptions_create)                                                              \
    APPLY(rocksdb_readoptions_destroy)                                                             \
    APPLY(rocksdb_writebatch_create)                                                               \
    APPLY(rocksdb_writebatch_destroy)                                                              \
    APPLY(rocksdb_writebatch_clear)                                                                \
    APPLY(rocksdb_writebatch_put)                                                                  \
    APPLY(rocksdb_writebatch_delete_range)

typedef struct RocksApi {
#define ROCKS_MEMBER(name) __typeof__(name) *name;
    ROCKS_FUNCTIONS(ROCKS_MEMBER)
#undef ROCKS_MEMBER
} RocksApi;

/* Safe from any thread; never unloaded. WR5311: there is none, or not one that will do. */
Status rocks_load(const RocksApi **out, Error *error);

#endif
