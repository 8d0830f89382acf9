/* Inside connect/nexmark/: fields of a run put together as values of a ROW type. */
#ifndef WEIR_CONNECT_NEXMARK_ROW_H
#define WEIR_CONNECT_NEXMARK_ROW_H

#include "connect/nexmark/generator.h"

/* The ROW of the type, whose field i is `fields[i]`, for all rows of the run that are of the kind;
 * the column is NULL for others. The bytes are data/nested.h's. */
void nexmark_fill_rows(const NexmarkRun *run, NexmarkKind kind, const NexmarkField *fields,
                       Column *into);

/* One field as a column: NULL in the rows that are of another kind. */
void nexmark_fill_column(const NexmarkRun *run, NexmarkField field, Column *into);

#endif
