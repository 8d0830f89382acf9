/* A materialized table: rows by key that one task writes and many readers look up.
 *
 * Writers apply changelog batches; readers get a consistent row or page at any time, and can
 * follow the changes from a sequence number on. All functions are safe from any thread;
 * writers are one at a time. Rows expire `ttl` after their last change. */
#ifndef WEIR_STATE_SERVED_H
#define WEIR_STATE_SERVED_H

#include "base/buffer.h"
#include "base/status.h"
#include "base/world.h"
#include "data/batch.h"
#include "data/datetime.h"
#include "data/value.h"

typedef struct ServedTable ServedTable;

/* Bounds of one table's change history kept for followers. */
enum { SERVED_CHANGES_MAX = 65536 };

typedef struct ServedSpec {
    const char *name;
    const char *comment;
    const Schema *schema; /* copied */
    const int32_t *key;   /* columns; key_count 0: append-only with a row number as key */
    int32_t key_count;
    int64_t ttl_us; /* 0: keep */
    int64_t freshness_us;
} ServedSpec;

ServedTable *served_new(World *world, const ServedSpec *spec);
void served_free(ServedTable *table);
const ServedSpec *served_spec(const ServedTable *table);

/* Apply a changelog: +I and +U put the row, -D removes it, -U is skipped when its key comes
 * again in the batch or next one (an update of the same key), else removes. */
void served_apply(ServedTable *table, const Batch *batch);
void served_set_watermark(ServedTable *table, Timestamp watermark);
Timestamp served_watermark(ServedTable *table);
int64_t served_row_count(ServedTable *table);
int64_t served_version(ServedTable *table);             /* grows with each change: the ETag */
int64_t served_updated_us(ServedTable *table);          /* wall clock of the last change */
void served_expire(ServedTable *table, int64_t now_us); /* drop rows past their ttl */

/* One row as a JSON object (schema order) appended to `out`; false if there is none. `key` is
 * the key columns' values. */
bool served_find_json(ServedTable *table, const Value *key, Buffer *out);

typedef struct ServedFilter {
    int32_t column;
    enum { FILTER_EQ, FILTER_NE, FILTER_LT, FILTER_LE, FILTER_GT, FILTER_GE } op;
    Value value;
} ServedFilter;

typedef struct ServedPage {
    const ServedFilter *filters; /* all must hold */
    int32_t filter_count;
    int32_t limit; /* rows, >= 1 */
    Str cursor;    /* of the page before, "" for the first one */
} ServedPage;

/* The rows of a page in key order as JSON objects separated by commas. `next_cursor` gets the
 * cursor of the next page, empty at the end. ERR_INVALID for a cursor that is not ours. */
Status served_page_json(ServedTable *table, const ServedPage *page, Buffer *out,
                        Buffer *next_cursor, Error *error);

/* Changes after `sequence` (-1 = from now on: only *next is set), at most `limit`, as JSON lines
 * {"op":"+U","seq":12,"row":{…}}; none when nothing has changed. ERR_LOST when the history no
 * longer reaches back to it. */
Status served_changes_json(ServedTable *table, int64_t sequence, int32_t limit, Buffer *out,
                           int64_t *next, Error *error);
int64_t served_sequence(ServedTable *table);

/* All rows into a snapshot and back. */
void served_save(ServedTable *table, Buffer *out);
Status served_load(ServedTable *table, Str bytes, Error *error);

#endif
