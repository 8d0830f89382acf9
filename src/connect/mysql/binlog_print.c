/* Prints the statements and rows of a binlog file as JSON lines, by column position, without
 * knowing the tables' definitions: what the decoder is compared with other readers by.
 *
 * binlog_print FILE          one line per statement, row event and transaction payload
 * binlog_print --count FILE  read every value, print only how many rows there were */
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/world.h"
#include "connect/mysql/payload.h"
#include "connect/mysql/rows.h"

enum { TABLES_MAX = 256, FILE_BYTES_MAX = 2000000000 };

typedef struct Printer {
    BinlogFormat format;
    Arena *arena;
    TableMap *maps[TABLES_MAX];
    int32_t map_count;
    Buffer scratch, inflated, out, text;
    bool is_counting;
    int64_t row_count;
    int64_t sum; /* of something of every value, so that reading is not optimised away */
} Printer;

static const char *event_name(uint8_t type)
{
    switch (type) {
    case EVENT_QUERY: return "QUERY";
    case EVENT_TABLE_MAP: return "TABLE_MAP";
    case EVENT_XID: return "XID";
    case EVENT_WRITE_ROWS_V1: return "WRITE_ROWS_V1";
    case EVENT_UPDATE_ROWS_V1: return "UPDATE_ROWS_V1";
    case EVENT_DELETE_ROWS_V1: return "DELETE_ROWS_V1";
    case EVENT_WRITE_ROWS: return "WRITE_ROWS_V2";
    case EVENT_UPDATE_ROWS: return "UPDATE_ROWS_V2";
    case EVENT_DELETE_ROWS: return "DELETE_ROWS_V2";
    case EVENT_PARTIAL_UPDATE_ROWS: return "PARTIAL_UPDATE_ROWS";
    case EVENT_TRANSACTION_PAYLOAD: return "TRANSACTION_PAYLOAD";
    default: return "OTHER";
    }
}

static void print_bytes(JsonWriter *json, Str bytes)
{
    json_begin_object(json);
    json_key(json, "hex");
    Buffer hex = {0};
    for (int64_t i = 0; i < bytes.length; i++)
        buffer_printf(&hex, "%02x", (uint8_t)bytes.data[i]);
    json_str(json, buffer_str(&hex));
    json_end_object(json);
    buffer_free(&hex);
}

static void print_cell(Printer *printer, JsonWriter *json, const BinlogColumn *column,
                       const Cell *cell)
{
    if (cell->kind == CELL_INT || cell->kind == CELL_UINT || column->type == MYSQL_JSON) {
        printer->text.length = 0;
        cell_print(&printer->text, cell);
        json_raw(json, buffer_str(&printer->text));
        return;
    }
    bool is_blob = column->type == MYSQL_BLOB && column->charset == CHARSET_UNKNOWN;
    if (cell->kind == CELL_BYTES || is_blob) {
        print_bytes(json, cell->text);
        return;
    }
    printer->text.length = 0;
    cell_print(&printer->text, cell);
    json_str(json, buffer_str(&printer->text));
}

static void print_absent(JsonWriter *json)
{
    json_begin_object(json);
    json_key(json, "absent");
    json_bool(json, true);
    json_end_object(json);
}

static bool print_image(Printer *printer, JsonWriter *json, const TableMap *map, RowsEvent *rows,
                        int32_t which)
{
    RowImage image;
    if (!rows_image(rows, which, &image))
        return false;
    const uint8_t *at = image.values;
    json_begin_array(json);
    for (int32_t i = 0, present = 0; i < map->count; i++) {
        if (!rows_bit(rows->present[which], i)) {
            print_absent(json);
            continue;
        }
        if (rows_bit(image.nulls, present++)) {
            json_null(json);
            continue;
        }
        Cell cell;
        const char *why = "";
        printer->scratch.length = 0;
        at = value_read(&map->columns[i], at, rows->end, &printer->scratch, &cell, &why);
        if (at == NULL)
            return false;
        print_cell(printer, json, &map->columns[i], &cell);
    }
    json_end_array(json);
    rows->at = at;
    return true;
}

static bool count_image(Printer *printer, const TableMap *map, RowsEvent *rows, int32_t which)
{
    RowImage image;
    if (!rows_image(rows, which, &image))
        return false;
    const uint8_t *at = image.values;
    for (int32_t i = 0, present = 0; i < map->count; i++) {
        if (!rows_bit(rows->present[which], i) || rows_bit(image.nulls, present++))
            continue;
        Cell cell;
        const char *why = "";
        printer->scratch.length = 0;
        at = value_read(&map->columns[i], at, rows->end, &printer->scratch, &cell, &why);
        if (at == NULL)
            return false;
        printer->sum += cell.integer;
    }
    rows->at = at;
    printer->row_count++;
    return true;
}

static TableMap *find_map(const Printer *printer, uint64_t id)
{
    for (int32_t i = printer->map_count - 1; i >= 0; i--)
        if (printer->maps[i]->id == id)
            return printer->maps[i];
    return NULL;
}

static Status take_map(Printer *printer, const Event *event, Error *error)
{
    uint64_t id = 0;
    TRY(tablemap_read_id(&printer->format, event, &id, error));
    TableMap *map = find_map(printer, id);
    if (map != NULL && printer->is_counting)
        return OK;
    if (map == NULL) {
        if (printer->map_count == TABLES_MAX)
            printer->map_count = 0;
        map = ARENA_NEW(printer->arena, TableMap);
        printer->maps[printer->map_count++] = map;
    }
    return tablemap_read(&printer->format, event, printer->arena, map, error);
}

static Status print_rows(Printer *printer, JsonWriter *json, const Event *event, Error *error)
{
    RowsEvent rows;
    TRY(rows_open(&printer->format, event, &printer->inflated, &rows, error));
    const TableMap *map = find_map(printer, rows.table_id);
    if (map == NULL)
        return event_fail(event, "its table is unknown", error);
    if (map->count != rows.column_count)
        return event_fail(event, "it has another number of columns than its table", error);
    if (printer->is_counting) {
        while (rows_has_next(&rows))
            if (!count_image(printer, map, &rows, 0) ||
                (rows.kind == ROWS_UPDATE && !count_image(printer, map, &rows, 1)))
                return event_fail(event, "a row is malformed", error);
        return OK;
    }
    json_key(json, "table");
    json_text(json, arena_printf(printer->arena, "%.*s.%.*s", STR_ARGS(map->database),
                                 STR_ARGS(map->name)));
    if (rows.is_partial)
        return OK;
    json_key(json, "rows");
    json_begin_array(json);
    while (rows_has_next(&rows)) {
        json_begin_object(json);
        json_key(json, rows.kind == ROWS_WRITE ? "after" : "before");
        bool is_good = print_image(printer, json, map, &rows, 0);
        if (is_good && rows.kind == ROWS_UPDATE) {
            json_key(json, "after");
            is_good = print_image(printer, json, map, &rows, 1);
        }
        if (!is_good)
            return event_fail(event, "a row is malformed", error);
        json_end_object(json);
    }
    json_end_array(json);
    return OK;
}

static Status print_event(Printer *printer, JsonWriter *json, const Event *event, Error *error);

static Status print_payload(Printer *printer, JsonWriter *json, const Event *event, Error *error)
{
    Payload payload = {0};
    Status status = payload_open(&payload, event, error);
    if (!printer->is_counting) {
        json_key(json, "inside");
        json_begin_array(json);
    }
    while (status == OK) {
        Event inner;
        status = payload_next(&payload, &inner, error);
        if (status != OK)
            break;
        if (!printer->is_counting)
            json_begin_object(json);
        status = print_event(printer, json, &inner, error);
        if (!printer->is_counting)
            json_end_object(json);
    }
    if (!printer->is_counting && json->depth > 0)
        json_end_array(json);
    payload_free(&payload);
    return status == ERR_END ? OK : status;
}

static Status print_event(Printer *printer, JsonWriter *json, const Event *event, Error *error)
{
    RowsKind kind;
    if (!printer->is_counting) {
        json_key(json, "type");
        json_text(json, event_name(event->type));
    }
    if (event->type == EVENT_TABLE_MAP)
        return take_map(printer, event, error);
    if (rows_is_event(event->type, &kind))
        return print_rows(printer, json, event, error);
    if (event->type == EVENT_TRANSACTION_PAYLOAD)
        return print_payload(printer, json, event, error);
    if (event->type == EVENT_QUERY && !printer->is_counting) {
        QueryEvent query;
        TRY(event_read_query(event, &printer->scratch, &query, error));
        json_key(json, "sql");
        json_str(json, query.sql);
    }
    return OK;
}

static Status print_file(Printer *printer, Str bytes, Error *error)
{
    if (bytes.length < 4 || memcmp(bytes.data, BINLOG_MAGIC, 4) != 0)
        return fail(error, ERR_DECODE, "WR3121", "it is no binlog file");
    for (int64_t at = 4; at < bytes.length;) {
        uint32_t size = 0;
        if (bytes.length - at < EVENT_HEADER_BYTES)
            return fail(error, ERR_DECODE, "WR3121", "an event is cut short at %lld",
                        (long long)at);
        memcpy(&size, bytes.data + at + 9, sizeof size);
        if (size < EVENT_HEADER_BYTES || size > bytes.length - at)
            return fail(error, ERR_DECODE, "WR3121", "an event is cut short at %lld",
                        (long long)at);
        Event event;
        TRY(event_parse(&printer->format, str_make(bytes.data + at, size), &event, error));
        printer->out.length = 0;
        JsonWriter json = {.out = &printer->out};
        if (!printer->is_counting) {
            json_begin_object(&json);
            json_key(&json, "pos");
            json_int(&json, at);
        }
        TRY(print_event(printer, &json, &event, error));
        if (!printer->is_counting) {
            json_end_object(&json);
            printf("%.*s\n", (int)printer->out.length, printer->out.data);
        }
        at += size;
    }
    return OK;
}

int main(int argc, char **argv)
{
    bool is_counting = argc == 3 && strcmp(argv[1], "--count") == 0;
    if (argc != 2 && !is_counting) {
        fprintf(stderr, "usage: %s [--count] FILE\n", argv[0]);
        return 2;
    }
    Error error = {0};
    Arena *arena = arena_new(0);
    Str bytes;
    Printer printer = {.arena = arena, .is_counting = is_counting};
    Status status =
        world_read_file(world_system(), argv[argc - 1], FILE_BYTES_MAX, arena, &bytes, &error);
    if (status == OK)
        status = print_file(&printer, bytes, &error);
    if (is_counting)
        printf("%lld rows, %llx\n", (long long)printer.row_count, (long long)printer.sum);
    if (status != OK)
        printf("{\"error\": \"%s %s\"}\n", error.code, error.text);
    buffer_free(&printer.scratch);
    buffer_free(&printer.inflated);
    buffer_free(&printer.out);
    buffer_free(&printer.text);
    arena_free(arena);
    return status == OK ? 0 : 1;
}
