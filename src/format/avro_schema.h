/* Schemas of Avro 1.11: read from their JSON, and made of a table's columns. Others than format/
 * use avro_evolution.h. */
#ifndef WEIR_FORMAT_AVRO_SCHEMA_H
#define WEIR_FORMAT_AVRO_SCHEMA_H

#include "base/arena.h"
#include "base/buffer.h"
#include "base/map.h"
#include "base/status.h"
#include "data/schema.h"

enum { AVRO_DEPTH_MAX = 64 }; /* of a schema, and of a value that is stepped over */

typedef enum AvroKind {
    AVRO_NULL,
    AVRO_BOOLEAN,
    AVRO_INT,
    AVRO_LONG,
    AVRO_FLOAT,
    AVRO_DOUBLE,
    AVRO_BYTES,
    AVRO_STRING,
    AVRO_RECORD,
    AVRO_ENUM,
    AVRO_ARRAY,
    AVRO_MAP,
    AVRO_UNION,
    AVRO_FIXED,
} AvroKind;

/* What a value means beyond its kind; one that is not known, or stands on another kind than it
 * should, means nothing. */
typedef enum AvroLogical {
    AVRO_PLAIN,
    AVRO_DECIMAL, /* bytes, fixed */
    AVRO_DATE,
    AVRO_TIME_MILLIS,
    AVRO_TIME_MICROS,
    AVRO_MILLIS, /* timestamp-millis, local-timestamp-millis */
    AVRO_MICROS,
    AVRO_NANOS,
} AvroLogical;

typedef struct AvroSchema AvroSchema;
typedef struct AvroSource AvroSource;

typedef struct AvroField {
    Str name;
    Str *aliases;
    int32_t alias_count;
    AvroSchema *schema;
    bool has_default;
    Str default_bytes; /* as a value of the schema is written */
} AvroField;

struct AvroSchema {
    AvroKind kind;
    AvroLogical logical;
    int32_t precision, scale; /* AVRO_DECIMAL */
    int32_t size;             /* AVRO_FIXED: bytes */
    Str name;                 /* with its namespace, of records, enums and fixed */
    Str *aliases;             /* with their namespaces */
    int32_t alias_count;
    AvroField *fields;      /* AVRO_RECORD */
    AvroSchema **branches;  /* AVRO_UNION; one for AVRO_ARRAY and AVRO_MAP */
    Str *symbols;           /* AVRO_ENUM */
    int32_t count;          /* of fields, branches or symbols */
    int32_t default_symbol; /* AVRO_ENUM: what others are read as; -1: nothing */
};

/* All of it in the arena. WR3512: it is no schema, and why. */
Status avro_schema_parse(Arena *arena, Str json, AvroSchema **out, Error *error);

/* A schema, and others that define names which it uses. */
struct AvroSource {
    Str text;          /* JSON, as all of them */
    const Str *before; /* each may use names of those before it */
    int32_t before_count;
    bool is_new; /* nobody has written by it yet: it is held to all of the specification */
};

/* The same; `named` gets what has a name, AvroSchema by its full name. */
Status avro_schema_read(Arena *arena, const AvroSource *source, Map **named, AvroSchema **out,
                        Error *error);

/* The schema of rows of these columns as JSON, as Flink 1.20 derives it (AvroSchemaConverter).
 * `is_legacy`: TIMESTAMP is written as an instant, and TIMESTAMP_LTZ not at all. WR3504: a column
 * has a type or a name that Avro has no form for. */
Status avro_schema_derive(Arena *arena, const Schema *record, bool is_legacy, Buffer *out,
                          Error *error);

/* "int", "org.example.Order". */
const char *avro_schema_text(Arena *arena, const AvroSchema *schema);

/* As a union names its branch: "int", "org.example.Order". */
const char *avro_branch_name(const AvroSchema *schema);

/* Numbers as Avro writes them. */
void avro_append_long(Buffer *out, int64_t value);
/* The length, then the bytes. */
void avro_append_bytes(Buffer *out, Str bytes);

/* Letters, digits and _, a digit not first: "Names" in Avro's specification. */
bool avro_name_is_valid(Str name);
/* The name with the namespace, unless it has one. */
Str avro_name_full(Arena *arena, Str name, Str space);
/* The namespace of a full name; no data: it has none. */
Str avro_name_space(Str full);
/* What a name means in the namespace, or NULL. */
AvroSchema *avro_name_find(Arena *arena, const Map *named, Str name, Str space);

#endif
