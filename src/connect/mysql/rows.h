/* Row events: the images of the rows that a statement changed.
 *
 *   | table id | flags | [extra] | columns | present before | [present after] | images … |
 *
 * An image is a bitmap of NULLs over the present columns, then the values. Reference: MySQL 8.0
 * Source Code Documentation, "Rows_event"; MariaDB Knowledge Base, "Rows_event_v1" and
 * "Compressed events". */
#ifndef WEIR_CONNECT_MYSQL_ROWS_H
#define WEIR_CONNECT_MYSQL_ROWS_H

#include "connect/mysql/event.h"
#include "connect/mysql/tablemap.h"

typedef enum RowsKind { ROWS_WRITE, ROWS_UPDATE, ROWS_DELETE } RowsKind;

/* A cursor over the images of one event; borrows the event's bytes or `inflated`'s. */
typedef struct RowsEvent {
    RowsKind kind;
    bool is_partial; /* PARTIAL_UPDATE_ROWS: JSON columns may hold differences */
    uint64_t table_id;
    int32_t column_count;
    const uint8_t *present[2]; /* bitmaps: before or only image, after image */
    const uint8_t *at, *end;
} RowsEvent;

/* Whether the event type is one of rows, and which. */
bool rows_is_event(uint8_t type, RowsKind *kind);

/* `inflated` takes the rows of compressed events and must live as long as the cursor. */
Status rows_open(const BinlogFormat *format, const Event *event, Buffer *inflated, RowsEvent *out,
                 Error *error);

static inline bool rows_has_next(const RowsEvent *rows)
{
    return rows->at < rows->end;
}

static inline bool rows_bit(const uint8_t *bitmap, int32_t index)
{
    return (bitmap[index >> 3] >> (index & 7)) & 1;
}

/* What an image is walked over with: for each column of the table in order, skip or visit. */
typedef struct RowImage {
    const uint8_t *nulls;
    const uint8_t *values;
} RowImage;

/* The NULL bitmap of the next image (`which`: 0 before or only, 1 after); false at the end. */
bool rows_image(const RowsEvent *rows, int32_t which, RowImage *out);

#endif
