/* The schema that a table stands for: derived from its columns, or as an option gives it. Private
 * to format/. */
#ifndef WEIR_FORMAT_AVRO_TABLE_H
#define WEIR_FORMAT_AVRO_TABLE_H

#include "format/avro_schema.h"
#include "plan/options.h"

/* Columns and the options of their format. */
typedef struct AvroTable {
    const Schema *record;
    const OptionSet *options;
    const char *prefix;
    bool has_schema_option; /* the format has the option 'schema' */
} AvroTable;

/* 'schema' if it is given, else what the columns are in Avro; its text goes to `json`. WR3504,
 * WR3512. */
Status avro_table_schema(Arena *arena, const AvroTable *table, Str *json, AvroSchema **out,
                         Error *error);

/* FormatInfo.check of the formats of Avro: the columns are ones that it has a form for. */
Status avro_table_check(Arena *arena, const Schema *record, const OptionSet *options,
                        const char *prefix, Error *error);

#endif
