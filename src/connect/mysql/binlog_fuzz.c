/* Any bytes as a run of binlog events: every reader is walked over, nothing may crash, read out
 * of bounds or use memory out of proportion. The input is events one after another, each with a
 * true size in its header (others end the run), so that the corpus can be cut from real logs. */
#include <stdint.h>
#include <string.h>

#include "base/memory.h"
#include "connect/mysql/ddl.h"
#include "connect/mysql/gtid.h"
#include "connect/mysql/payload.h"
#include "connect/mysql/rows.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct Fuzz {
    BinlogFormat format;
    Arena *arena;
    TableMap map;
    bool has_map;
    GtidSet gtids;
    Buffer inflated, scratch, text;
    int32_t depth;
} Fuzz;

static void fuzz_image(Fuzz *fuzz, RowsEvent *rows, int32_t which)
{
    RowImage image;
    const uint8_t *end = rows->end;
    if (!rows_image(rows, which, &image)) {
        rows->at = end;
        return;
    }
    const uint8_t *at = image.values;
    for (int32_t i = 0, present = 0; i < rows->column_count && at != NULL; i++) {
        if (!rows_bit(rows->present[which], i) || rows_bit(image.nulls, present++))
            continue;
        Cell cell;
        const char *why = NULL;
        fuzz->scratch.length = 0;
        fuzz->text.length = 0;
        at = value_read(&fuzz->map.columns[i], at, end, &fuzz->scratch, &cell, &why);
        if (at != NULL)
            cell_print(&fuzz->text, &cell);
    }
    rows->at = at != NULL && at > rows->at ? at : end;
}

static void fuzz_event(Fuzz *fuzz, const Event *event);

static void fuzz_payload(Fuzz *fuzz, const Event *event)
{
    Payload payload = {0};
    Event inner;
    if (fuzz->depth == 0 && payload_open(&payload, event, NULL) == OK) {
        fuzz->depth++;
        while (payload_next(&payload, &inner, NULL) == OK)
            fuzz_event(fuzz, &inner);
        fuzz->depth--;
    }
    payload_free(&payload);
}

static void fuzz_query(Fuzz *fuzz, const Event *event)
{
    QueryEvent query;
    fuzz->scratch.length = 0;
    if (event_read_query(event, &fuzz->scratch, &query, NULL) != OK)
        return;
    Arena *arena = arena_new(0);
    static const char table[] = "CREATE TABLE t (a INT, b TEXT, c ENUM('x'))";
    List changes = ddl_read(arena, STR("d"), str_from(table));
    MysqlTable *before = LIST_AT(changes, 0, DdlChange)->after;
    ddl_settle(before, STR("latin1"));
    changes = ddl_read(arena, query.database, query.sql);
    for (int32_t i = 0; i < changes.count; i++)
        if (LIST_AT(changes, i, DdlChange)->kind == DDL_CHANGED)
            (void)ddl_alter(arena, before, query.sql, STR("utf8mb4"));
    arena_free(arena);
}

static void fuzz_rows(Fuzz *fuzz, const Event *event)
{
    RowsEvent rows;
    if (rows_open(&fuzz->format, event, &fuzz->inflated, &rows, NULL) != OK || !fuzz->has_map ||
        rows.column_count != fuzz->map.count)
        return;
    while (rows_has_next(&rows)) {
        fuzz_image(fuzz, &rows, 0);
        if (rows.kind == ROWS_UPDATE && rows_has_next(&rows))
            fuzz_image(fuzz, &rows, 1);
    }
}

static void fuzz_event(Fuzz *fuzz, const Event *event)
{
    RowsKind kind;
    Gtid gtid;
    RotateEvent rotate;
    if (rows_is_event(event->type, &kind)) {
        fuzz_rows(fuzz, event);
        return;
    }
    switch (event->type) {
    case EVENT_TABLE_MAP:
        fuzz->has_map = tablemap_read(&fuzz->format, event, fuzz->arena, &fuzz->map, NULL) == OK;
        break;
    case EVENT_QUERY:
    case EVENT_MARIA_QUERY_COMPRESSED: fuzz_query(fuzz, event); break;
    case EVENT_ROTATE: (void)event_read_rotate(event, &rotate, NULL); break;
    case EVENT_GTID:
    case EVENT_GTID_TAGGED:
    case EVENT_MARIA_GTID:
        if (gtid_read(event, &gtid, NULL) == OK)
            gtid_add(&fuzz->gtids, &gtid);
        break;
    case EVENT_PREVIOUS_GTIDS:
    case EVENT_MARIA_GTID_LIST: (void)gtid_read_set(event, &fuzz->gtids, NULL); break;
    case EVENT_TRANSACTION_PAYLOAD: fuzz_payload(fuzz, event); break;
    default: break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    Fuzz fuzz = {.arena = arena_new(0)};
    const char *at = (const char *)data, *end = at + size;
    while (end - at >= EVENT_HEADER_BYTES) {
        uint32_t bytes = 0;
        memcpy(&bytes, at + 9, sizeof bytes);
        if (bytes < EVENT_HEADER_BYTES || bytes > end - at)
            break;
        Event event;
        /* Checksums would keep every mutation out. */
        fuzz.format.has_checksum = false;
        if (event_parse(&fuzz.format, str_make(at, bytes), &event, NULL) == OK)
            fuzz_event(&fuzz, &event);
        at += bytes;
    }
    Buffer printed = {0};
    gtid_print(&printed, &fuzz.gtids);
    buffer_free(&printed);
    gtid_free(&fuzz.gtids);
    buffer_free(&fuzz.inflated);
    buffer_free(&fuzz.scratch);
    buffer_free(&fuzz.text);
    arena_free(fuzz.arena);
    return 0;
}
