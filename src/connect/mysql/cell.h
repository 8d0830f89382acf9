/* One column value between the server and a batch.
 *
 *   binlog bytes ── value_read ──┐
 *                                ├──> Cell ── outlet_put ──> Column
 *   text results ── cell_parse ──┘
 *
 * A Cell says what the server holds, without regard to what the pipeline declared; an Outlet
 * knows the declared type and converts. */
#ifndef WEIR_CONNECT_MYSQL_CELL_H
#define WEIR_CONNECT_MYSQL_CELL_H

#include "base/buffer.h"
#include "base/status.h"
#include "connect/mysql/schema.h"
#include "data/batch.h"
#include "data/datetime.h"

typedef enum CellKind {
    CELL_NULL,
    CELL_INT,      /* integer */
    CELL_UINT,     /* integer as uint64_t */
    CELL_REAL,     /* real */
    CELL_FLOAT,    /* real, of a FLOAT */
    CELL_DECIMAL,  /* wide at `scale` */
    CELL_DATE,     /* civil: date part */
    CELL_DATETIME, /* civil: wall clock */
    CELL_INSTANT,  /* integer: microseconds since 1970 UTC, `scale` digits of fraction */
    CELL_TIME,     /* integer: microseconds, may be negative, `scale` digits of fraction */
    CELL_TEXT,     /* text in UTF-8 */
    CELL_BYTES,    /* text as it is */
} CellKind;

typedef struct Cell {
    CellKind kind;
    int32_t scale;
    union {
        int64_t integer;
        double real;
        Int128 wide;
        Str text; /* borrowed */
        struct {
            uint16_t year;
            uint8_t month, day, hour, minute, second;
            uint32_t microsecond;
        } civil;
    };
} Cell;

/* How BLOBs become text when a STRING is declared for them. */
typedef enum BinaryMode { BINARY_BYTES, BINARY_BASE64, BINARY_BASE64_URL, BINARY_HEX } BinaryMode;

/* The way of one server column into one column of the batch. */
typedef struct Outlet {
    int32_t column;       /* of the batch */
    Type type;            /* declared */
    Physical physical;    /* of it */
    const TimeZone *zone; /* server-time-zone: TIMESTAMP as wall clock */
    BinaryMode binary;
    bool is_exact; /* text or integer of the very layout: the fast ways apply */
} Outlet;

/* Write the cell at `row` (room for `capacity` rows); NULL if it cannot be, with the reason in
 * `*why`: the caller then drops the row. */
bool outlet_put(const Outlet *outlet, const Cell *cell, Batch *batch, int32_t row, int32_t capacity,
                const char **why);

/* The value of a column as the text protocol gives it: a NULL pointer is NULL. Text and bytes
 * are borrowed. False when it does not read as the column's type. */
bool cell_parse(const MysqlColumn *column, Str text, Cell *out);

/* For people and dead letters: 12.50, 2024-01-02 03:04:05.000000, text as it is, bytes in hex. */
void cell_print(Buffer *out, const Cell *cell);

/* As a literal that SQL compares with a column of the cell's kind. */
void cell_print_literal(Buffer *out, const Cell *cell);

/* NULL when a server column can be read as the declared type, else why not. */
const char *outlet_refuse(const MysqlColumn *column, Type declared, BinaryMode binary);

#endif
