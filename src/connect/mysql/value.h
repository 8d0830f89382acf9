/* Column values as row events hold them.
 *
 * A BinlogColumn is a column of a table map: its type, metadata and what is known of it from the
 * schema. Reference: MySQL 8.0 Source Code Documentation, "Table_map_event" (metadata per type)
 * and "Rows_event"; MariaDB Knowledge Base, "Rows_event_v1". */
#ifndef WEIR_CONNECT_MYSQL_VALUE_H
#define WEIR_CONNECT_MYSQL_VALUE_H

#include "connect/mysql/cell.h"

typedef struct BinlogColumn {
    uint8_t type; /* MysqlType, ENUM and SET unfolded from STRING */
    uint16_t meta;
    int16_t fixed_bytes;  /* of every value, or -1: the value says */
    uint8_t length_bytes; /* in front of text and bytes */
    bool is_unsigned;
    Charset charset;
    const MysqlColumn *schema; /* NULL: unknown */
} BinlogColumn;

/* Set what follows from type and meta; false for types that cannot be walked over. */
bool value_prepare(BinlogColumn *column);

/* Behind the value, or NULL when it does not end before `end`. */
const uint8_t *value_skip(const BinlogColumn *column, const uint8_t *at, const uint8_t *end);

/* The same, with the value in `*out`. Text lies in the event or in `scratch`. NULL also for
 * malformed values, with `*why` set. */
const uint8_t *value_read(const BinlogColumn *column, const uint8_t *at, const uint8_t *end,
                          Buffer *scratch, Cell *out, const char **why);

/* Digits of a packed DECIMAL as bytes. */
int32_t value_decimal_bytes(int32_t precision, int32_t scale);

#endif
