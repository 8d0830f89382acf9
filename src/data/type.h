/* The types of SQL values and how each lies in memory.
 *
 * A Type is what the user declared; its Physical is the layout that kernels see:
 *
 *   BOOLEAN                      PHYSICAL_BOOL   uint8_t, 0 or 1
 *   TINYINT SMALLINT INT BIGINT  PHYSICAL_I8 … PHYSICAL_I64
 *   FLOAT DOUBLE                 PHYSICAL_F32, PHYSICAL_F64
 *   DECIMAL(p,s), p <= 38        PHYSICAL_I128   the unscaled value
 *   CHAR VARCHAR BINARY VARBINARY PHYSICAL_STRING StrView; text is UTF-8
 *   DATE                         PHYSICAL_I32    days since 1970-01-01
 *   TIME(p)                      PHYSICAL_I32    milliseconds of the day
 *   TIMESTAMP(p), _LTZ(p), p <= 6 PHYSICAL_I64   microseconds since 1970, UTC for LTZ,
 *                                                wall clock otherwise
 *   the same, p > 6              PHYSICAL_I128   nanoseconds since 1970
 *   INTERVAL YEAR TO MONTH       PHYSICAL_I32    months
 *   INTERVAL DAY TO SECOND       PHYSICAL_I64    milliseconds
 *   ARRAY MAP MULTISET ROW       PHYSICAL_STRING the form of data/nested.h, never text
 *
 * Ranges, defaults and names are Flink 1.20's. */
#ifndef WEIR_DATA_TYPE_H
#define WEIR_DATA_TYPE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buffer.h"
#include "base/str.h"

typedef enum TypeId {
    TYPE_NULL, /* the untyped NULL; casts to anything */
    TYPE_BOOLEAN,
    TYPE_TINYINT,
    TYPE_SMALLINT,
    TYPE_INT,
    TYPE_BIGINT,
    TYPE_FLOAT,
    TYPE_DOUBLE,
    TYPE_DECIMAL,
    TYPE_CHAR,
    TYPE_VARCHAR,
    TYPE_BINARY,
    TYPE_VARBINARY,
    TYPE_DATE,
    TYPE_TIME,
    TYPE_TIMESTAMP,
    TYPE_TIMESTAMP_LTZ,
    TYPE_INTERVAL_MONTHS,
    TYPE_INTERVAL_MILLIS,
    TYPE_ARRAY,
    TYPE_MAP,
    TYPE_MULTISET,
    TYPE_ROW,
} TypeId;

typedef enum Physical {
    PHYSICAL_NONE,
    PHYSICAL_BOOL,
    PHYSICAL_I8,
    PHYSICAL_I16,
    PHYSICAL_I32,
    PHYSICAL_I64,
    PHYSICAL_I128,
    PHYSICAL_F32,
    PHYSICAL_F64,
    PHYSICAL_STRING,
} Physical;

enum {
    TYPE_LENGTH_MAX = 2147483647, /* STRING is VARCHAR of this; BYTES likewise */
    DECIMAL_PRECISION_MAX = 38,
    TIMESTAMP_PRECISION_MAX = 9,
    ROWTIME_PRECISION_MAX = 3, /* of a watermark column */
};

/* What makes a column a time attribute; part of the plan's types, printed as *ROWTIME*. */
typedef enum TimeAttribute { TIME_NONE, TIME_ROWTIME, TIME_PROCTIME } TimeAttribute;

typedef struct Type Type;
struct Type {
    TypeId id;
    bool is_nullable;
    int32_t precision; /* DECIMAL, TIME, TIMESTAMP*: digits; CHAR … VARBINARY: length */
    int32_t scale;     /* DECIMAL */
    TimeAttribute time_attribute;
    /* ARRAY, MULTISET: one; MAP: key, value; ROW: the fields. In the plan's arena. */
    const Type *children;
    const Str *child_names; /* ROW only */
    int32_t child_count;
};

/* Nullable types with Flink's defaults where nothing is given. */
Type type_simple(TypeId id); /* no parameters, or the default ones */
Type type_decimal(int32_t precision, int32_t scale);
Type type_string(void); /* VARCHAR(2147483647) */
Type type_char(int32_t length);
Type type_varchar(int32_t length);
Type type_bytes(void); /* VARBINARY(2147483647) */
Type type_timestamp(int32_t precision);
Type type_timestamp_ltz(int32_t precision);
Type type_array(Arena *arena, Type element);
Type type_multiset(Arena *arena, Type element);
Type type_map(Arena *arena, Type key, Type value);
/* `fields` and `names` belong to the arena already. */
Type type_row(const Type *fields, const Str *names, int32_t count);
Type type_not_null(Type type);
Type type_nullable(Type type);

Physical type_physical(Type type);

/* Bytes of one value in a column; 16 for strings (the view), 0 for PHYSICAL_NONE. */
int32_t physical_bytes(Physical physical);

bool type_is_numeric(Type type);
bool type_is_integer(Type type);
bool type_is_text(Type type);      /* CHAR, VARCHAR */
bool type_is_bytes(Type type);     /* BINARY, VARBINARY */
bool type_is_timestamp(Type type); /* TIMESTAMP, TIMESTAMP_LTZ */
/* ARRAY, MAP, MULTISET, ROW */
static inline bool type_is_nested(Type type)
{
    return type.id >= TYPE_ARRAY && type.id <= TYPE_ROW;
}

/* Same id and parameters; nullability and time attribute are not compared. */
bool type_equal(Type a, Type b);

/* As DESCRIBE shows it: "DECIMAL(10, 2)", "STRING", "TIMESTAMP(3) *ROWTIME*", "INT NOT NULL". */
void type_print(Buffer *out, Type type);
const char *type_text(Arena *arena, Type type);

#endif
