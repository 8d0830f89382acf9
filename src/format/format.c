/* The list of formats. */
#include "format/format.h"

#include <assert.h>

#include "format/formats.h"

/* Parquet files are read and written as a whole by lake/; the planner needs the name here. */
static const OptionSpec parquet_option_specs[] = {
    {.key = "compression",
     .type = OPTION_ENUM,
     .default_text = "SNAPPY",
     .choices = "SNAPPY|ZSTD|GZIP|UNCOMPRESSED",
     .help = "How the pages of the file are compressed."},
    {.key = "utc-timezone",
     .type = OPTION_BOOL,
     .default_text = "false",
     .help = "Accepted for Flink's sake: TIMESTAMP is written as it stands, without a zone."},
};

static const Format parquet_format = {
    .info = {.name = "parquet",
             .summary = "Columns in files, for analysis.",
             .options = parquet_option_specs,
             .option_count = sizeof parquet_option_specs / sizeof parquet_option_specs[0],
             .decodes = CHANGELOG_APPEND,
             .encodes = CHANGELOG_APPEND,
             .is_bulk = true,
             .reads_fields = true,
             .takes_bounds = true},
};

static const Format *const formats[] = {
    &avro_confluent_format, &avro_format, &canal_format,   &csv_format,     &debezium_avro_format,
    &debezium_format,       &json_format, &maxwell_format, &parquet_format, &raw_format,
};

int32_t format_count(void)
{
    return sizeof formats / sizeof formats[0];
}

const Format *format_at(int32_t index)
{
    assert(index >= 0 && index < format_count());
    return formats[index];
}

const Format *format_find(Str name)
{
    for (int32_t i = 0; i < format_count(); i++)
        if (str_is(name, formats[i]->info.name))
            return formats[i];
    return NULL;
}
