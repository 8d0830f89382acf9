/* Rows that were found: for the runtime, which makes and reads them. */
#ifndef WEIR_CONNECT_LOOKUP_H
#define WEIR_CONNECT_LOOKUP_H

#include "connect/connect.h"

struct LookupRows {
    const Schema *schema;
    Batch **batches;
    int32_t **keys; /* by batch: which key each row was found for */
    int32_t batch_count, capacity;
    int32_t used; /* batches that hold rows of this round */
};

/* Zero-initialised but for the schema. */
void lookup_rows_clear(LookupRows *rows);
void lookup_rows_free(LookupRows *rows);

#endif
