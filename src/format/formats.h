/* The formats that format.c lists, and what their files share. Private to format/. */
#ifndef WEIR_FORMAT_FORMATS_H
#define WEIR_FORMAT_FORMATS_H

#include "format/format.h"

extern const Format avro_confluent_format;
extern const Format avro_format;
extern const Format canal_format;
extern const Format csv_format;
extern const Format debezium_avro_format;
extern const Format debezium_format;
extern const Format json_format;
extern const Format maxwell_format;
extern const Format raw_format;

extern const DecoderKind csv_decoder;
extern const EncoderKind csv_encoder;
extern const DecoderKind debezium_decoder;
extern const EncoderKind debezium_encoder;
extern const DecoderKind json_decoder;
extern const EncoderKind json_encoder;

enum { ROWS_PER_CHANGE = 2 };

/* Options of all formats whose records are changes in JSON. */
#define JSON_CHANGE_OPTIONS                                                                        \
    {.key = "ignore-parse-errors",                                                                 \
     .type = OPTION_BOOL,                                                                          \
     .default_text = "false",                                                                      \
     .help = "Set fields that cannot be read to NULL and skip records that are not json."},        \
        {.key = "timestamp-format.standard",                                                       \
         .type = OPTION_ENUM,                                                                      \
         .default_text = "SQL",                                                                    \
         .choices = "SQL|ISO-8601",                                                                \
         .help = "How timestamps are written: 2024-01-02 08:05:00.1 or 2024-01-02T08:05:00.1."},   \
        {.key = "map-null-key.mode",                                                               \
         .type = OPTION_ENUM,                                                                      \
         .default_text = "FAIL",                                                                   \
         .choices = "FAIL|DROP|LITERAL",                                                           \
         .help = "What to do with a NULL key of a map when writing."},                             \
        {.key = "map-null-key.literal",                                                            \
         .type = OPTION_TEXT,                                                                      \
         .default_text = "null",                                                                   \
         .help = "The key that stands for NULL in mode LITERAL."},                                 \
        {.key = "encode.decimal-as-plain-number",                                                  \
         .type = OPTION_BOOL,                                                                      \
         .default_text = "false",                                                                  \
         .help = "Write decimals without an exponent."},                                           \
    {                                                                                              \
        .key = "encode.ignore-null-fields", .type = OPTION_BOOL, .default_text = "false",          \
        .help = "Leave fields that are NULL out when writing."                                     \
    }

/* How both formats of Avro take times. */
#define AVRO_TIMESTAMP_OPTION(is_own)                                                              \
    {                                                                                              \
        .key = "timestamp_mapping.legacy", .type = OPTION_BOOL, .default_text = "true",            \
        .is_extension = is_own,                                                                    \
        .help = "TIMESTAMP is Avro's timestamp, an instant, and TIMESTAMP_LTZ is refused. false: " \
                "TIMESTAMP is local-timestamp, TIMESTAMP_LTZ is timestamp, to microseconds."       \
    }

/* A format's option by its key without the prefix. */
bool format_option_bool(const OptionSet *options, const char *prefix, const char *key);
Str format_option_text(const OptionSet *options, const char *prefix, const char *key);
bool format_option_has(const OptionSet *options, const char *prefix, const char *key);

#endif
