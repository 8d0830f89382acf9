/* The csv format's options, and how a record is cut into fields. Private to format/. */
#ifndef WEIR_FORMAT_CSV_H
#define WEIR_FORMAT_CSV_H

#include "base/scan.h"
#include "format/format.h"

enum { CSV_NONE = -1 };

typedef struct CsvOptions {
    int32_t delimiter; /* one byte */
    int32_t quote;     /* one byte or CSV_NONE */
    int32_t escape;    /* one byte or CSV_NONE */
    bool allows_comments;
    bool ignores_errors;
    bool has_null_literal;
    Str null_literal;
    bool writes_scientific;
    Str element_delimiter; /* between the elements of an array, the fields of a row; not empty */
    ScanSet plain_ends;    /* what may end a field without quotes, or is an escape in it */
    ScanSet quoted_ends;   /* the same of a field in quotes */
} CsvOptions;

Status csv_options_read(Arena *arena, const OptionSet *options, const char *prefix, CsvOptions *out,
                        Error *error);

typedef struct CsvField {
    Str raw;          /* without its quotes */
    bool is_quoted;   /* stood in quotes */
    bool has_escapes; /* doubled quotes or escape characters are still in it */
} CsvField;

typedef enum CsvResult {
    CSV_OK,
    CSV_BLANK,    /* an empty line or a comment: no record */
    CSV_UNCLOSED, /* a quote is open at the end of the bytes */
    CSV_GARBAGE,  /* text between a closing quote and the delimiter */
} CsvResult;

/* Cut the record at the start of `bytes` (not empty) into at most `max` fields; *count gets how
 * many there are, which may be more. *used gets its length with the line end. When the result
 * is CSV_UNCLOSED or CSV_GARBAGE, *used covers the first line. */
CsvResult csv_split(const CsvOptions *options, Str bytes, CsvField *fields, int32_t max,
                    int32_t *count, int64_t *used);

/* Whether csv has a form for it: an ARRAY or ROW of simple types. */
bool csv_takes_nested(Type type);

/* The next element of an array's text, which goes on behind it; false at the end. `is_first` is
 * set by the caller before the first. */
bool csv_next_element(const CsvOptions *options, Str *text, bool *is_first, Str *element);

/* The field's text, escapes resolved; in `raw` itself or in `scratch`. */
Str csv_field_text(const CsvOptions *options, const CsvField *field, Buffer *scratch);

#endif
