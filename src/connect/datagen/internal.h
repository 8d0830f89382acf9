/* What the two files of datagen share: the fields and how their values are made. */
#ifndef WEIR_CONNECT_DATAGEN_INTERNAL_H
#define WEIR_CONNECT_DATAGEN_INTERNAL_H

#include <stdio.h>

#include "connect/connect.h"

enum { DATAGEN_KEY_BYTES = 512 };

/* How to make the values of one column. */
typedef struct DatagenField DatagenField;
struct DatagenField {
    Type type;
    Physical physical;
    bool is_sequence;
    int64_t start, end;     /* of a sequence, both included */
    Int128 least, greatest; /* random whole numbers and decimals */
    double real_least, real_greatest;
    int64_t length; /* of text and bytes; elements of a collection */
    bool is_var_len;
    int64_t max_past_us;
    uint64_t null_threshold; /* NULL when 32 random bits are below it */
    DatagenField *children;  /* of nested types: elements; keys and values; fields */
    int32_t child_count;
    int64_t elements; /* of the deepest collection in one value; 1 if there is none */
};

/* What the columns of a batch have in common. */
typedef struct DatagenFill {
    Timestamp utc, local; /* one look at the clock for all rows */
    uint64_t *random;     /* the generator's state */
    int64_t first_row;    /* for sequences: the number of the first row */
    Arena *arena;         /* the batch's */
    int32_t rows;
} DatagenFill;

/* Whether a sequence may fill the column. */
bool datagen_sequence_fits(const DatagenField *field);

/* Read min and max (empty: the type's). What is wrong with them, or NULL. */
const char *datagen_bind_bounds(DatagenField *field, Str least, Str greatest);

/* Make the values of a column. */
void datagen_fill(const DatagenField *field, const DatagenFill *fill, Column *column);

#endif
