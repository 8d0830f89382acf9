/* The formats that format.c lists, and what their files share. Private to format/. */
#ifndef WEIR_FORMAT_FORMATS_H
#define WEIR_FORMAT_FORMATS_H

#include "format/format.h"

extern const Format csv_format;
extern const Format debezium_format;
extern const Format json_format;
extern const Format raw_format;

extern const DecoderKind csv_decoder;
extern const EncoderKind csv_encoder;
extern const DecoderKind debezium_decoder;
extern const EncoderKind debezium_encoder;
extern const DecoderKind json_decoder;
extern const EncoderKind json_encoder;

/* A format's option by its key without the prefix. */
bool format_option_bool(const OptionSet *options, const char *prefix, const char *key);
Str format_option_text(const OptionSet *options, const char *prefix, const char *key);
bool format_option_has(const OptionSet *options, const char *prefix, const char *key);

#endif
