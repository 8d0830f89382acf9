/* A resolved schema, as avro_resolve.c makes it and avro_read.c follows it. Private to format/. */
#ifndef WEIR_FORMAT_AVRO_READ_INTERNAL_H
#define WEIR_FORMAT_AVRO_READ_INTERNAL_H

#include "format/avro_read.h"

/* How the bytes of one value become one. */
typedef enum AvroOp {
    READ_SKIP, /* nobody wants it */
    READ_NULL, /* nothing is written */
    READ_BOOLEAN,
    READ_INTEGER, /* within `least` … `most` */
    READ_TIME,    /* number × `factor` ÷ `divisor`, cut to the type's precision */
    READ_FLOAT,
    READ_DOUBLE,
    READ_TEXT, /* and bytes */
    READ_SYMBOL,
    READ_FIXED,
    READ_DECIMAL, /* of a length of its own, or of fixed length */
    READ_UNION,
    READ_ARRAY,
    READ_MAP,
    READ_RECORD,
    READ_WRONG, /* a branch that is no value of the type */
} AvroOp;

typedef struct AvroNode AvroNode;

/* A field of a record in the writer's order. */
typedef struct AvroStep {
    AvroNode *node;
    int32_t target; /* column of the batch, or field of the ROW; -1: READ_SKIP */
} AvroStep;

/* A column or field that the writer does not have. */
typedef struct AvroFill {
    AvroNode *node; /* reads the default; NULL: it is NULL */
    Str bytes;
    int32_t target;
} AvroFill;

struct AvroNode {
    AvroOp op;
    Type type;                /* of what comes out */
    const AvroSchema *writer; /* of what is there */
    Str path;                 /* for messages: "items[].price" */
    int64_t least, most;      /* READ_INTEGER, READ_TIME */
    int64_t factor, divisor;  /* READ_TIME */
    const Str *symbols;       /* READ_SYMBOL: what each is read as; no data: it cannot be */
    AvroNode **children;      /* branches of a union; of an array or map: its items */
    AvroStep *steps;          /* READ_RECORD */
    int32_t step_count;
    AvroFill *fills;
    int32_t fill_count;
};

struct AvroReader {
    AvroNode *root; /* READ_RECORD, or a union with one */
};

#endif
