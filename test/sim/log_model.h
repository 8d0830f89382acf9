/* What a log must hold, worked out apart from it: every batch that was appended, and what of it was
 * acknowledged.
 *
 *     plain/0   retention by size, any compression
 *     keyed/0   compaction
 *     plain/1   a producer that must not be doubled, two with transactions
 *     keyed/1   the same producers, and compaction */
#ifndef WEIR_TEST_SIM_LOG_MODEL_H
#define WEIR_TEST_SIM_LOG_MODEL_H

#include "base/buffer.h"
#include "log/log.h"
#include "sim/world.h"

enum {
    MODEL_PLAIN,
    MODEL_KEYED,
    MODEL_SURE,
    MODEL_KEYED_SURE,
    MODEL_PARTITIONS,
    MODEL_KEYS = 6,
    MODEL_PRODUCERS = 3, /* 0 without transactions */
    MODEL_RETENTION_BYTES = 6000,
};

typedef struct ModelBatch {
    int64_t base_offset, timestamp_ms, value;
    int32_t count, key, codec, padding;
    int32_t producer; /* -1: none */
    int32_t sequence;
    bool is_tombstone, is_marker, is_commit;
} ModelBatch;

typedef struct ModelPartition {
    ModelBatch *batches; /* ascending; those from `acknowledged` on may be missing */
    int32_t count, capacity;
    int64_t end_offset;
    int64_t acknowledged;
    int64_t start_offset;
    bool has_lost; /* what retention may have counted */
    int32_t next_sequence[MODEL_PRODUCERS];
    bool is_in_transaction[MODEL_PRODUCERS];
} ModelPartition;

typedef struct Model {
    ModelPartition partitions[MODEL_PARTITIONS];
    int64_t next_value;
    bool is_even;     /* batches are as long as each other, as far as that can be */
    char wrong[4096]; /* what was not so, or "" */
} Model;

extern const char *const model_names[MODEL_PARTITIONS];

static inline bool model_is_keyed(int32_t partition)
{
    return partition == MODEL_KEYED || partition == MODEL_KEYED_SURE;
}

static inline bool model_has_producers(int32_t partition)
{
    return partition == MODEL_SURE || partition == MODEL_KEYED_SURE;
}

PartitionConfig model_config(int32_t partition);

Model *model_new(void);
void model_free(Model *model);

/* The next batch for the partition, as it will be at its end. */
ModelBatch model_next(Model *model, int32_t partition, uint64_t *chance, int64_t now_ms);
/* Its bytes, without offset; `out` is emptied first. Not of a marker. */
void model_print(const ModelBatch *batch, Buffer *out);
/* It was appended, or may have been. */
void model_add(Model *model, int32_t partition, const ModelBatch *batch);
/* What the log says of itself: that much it has acknowledged. */
void model_note(Model *model, int32_t partition, Partition *opened);

/* Compare all of an open partition with the model. After a crash (`is_new`) what is not there of
 * the end is forgotten. False: `wrong` says why. ERR_CORRUPT from the log is given back in
 * `status`. */
bool model_check(Model *model, int32_t partition, Partition *opened, bool is_new, Status *status,
                 Error *error);

bool model_fails(Model *model, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
