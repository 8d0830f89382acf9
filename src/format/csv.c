/* CSV records into fields, as Jackson cuts them for Flink. */
#include "format/csv.h"

#include <assert.h>

#include "format/formats.h"
#include "format/json_row.h"

static const OptionSpec csv_option_specs[] = {
    {.key = "field-delimiter",
     .type = OPTION_TEXT,
     .default_text = ",",
     .help = "The character between fields; escapes such as \\t are understood."},
    {.key = "disable-quote-character",
     .type = OPTION_BOOL,
     .default_text = "false",
     .help = "Fields are never quoted."},
    {.key = "quote-character",
     .type = OPTION_TEXT,
     .default_text = "\"",
     .help = "The character around fields that hold delimiters, quotes or line ends."},
    {.key = "allow-comments",
     .type = OPTION_BOOL,
     .default_text = "false",
     .help = "Skip lines that begin with #."},
    {.key = "ignore-parse-errors",
     .type = OPTION_BOOL,
     .default_text = "false",
     .help = "Set fields that cannot be read to NULL and skip records that cannot be cut."},
    {.key = "array-element-delimiter",
     .type = OPTION_TEXT,
     .default_text = ";",
     .help = "The characters between the elements of an array."},
    {.key = "escape-character",
     .type = OPTION_TEXT,
     .help = "The character that takes the meaning off the next one; none by default."},
    {.key = "null-literal",
     .type = OPTION_TEXT,
     .help = "The text that stands for NULL; none by default."},
    {.key = "write-bigdecimal-in-scientific-notation",
     .type = OPTION_BOOL,
     .default_text = "true",
     .help = "Write decimals such as 100000 as 1E+5."},
};

const Format csv_format = {
    .info = {.name = "csv",
             .summary = "Lines of fields with a delimiter between them.",
             .options = csv_option_specs,
             .option_count = sizeof csv_option_specs / sizeof csv_option_specs[0],
             .decodes = CHANGELOG_APPEND,
             .encodes = CHANGELOG_APPEND},
    .decoder = &csv_decoder,
    .encoder = &csv_encoder,
};

/* One byte, or one of \t \n \r \\ \uXXXX below 128. */
static Status option_byte(Str text, const char *key, int32_t *out, Error *error)
{
    Buffer scratch = {0};
    bool is_read = json_unescape(text, &scratch, &text) && text.length == 1;
    *out = is_read ? (unsigned char)text.data[0] : CSV_NONE;
    buffer_free(&scratch);
    if (is_read && *out < 0x80 && *out != '\n' && *out != '\r')
        return OK;
    return fail(error, ERR_INVALID, "WR3507", "csv option '%s' must be a single ASCII character",
                key);
}

Status csv_options_read(Arena *arena, const OptionSet *options, const char *prefix, CsvOptions *out,
                        Error *error)
{
    *out = (CsvOptions){.quote = CSV_NONE, .escape = CSV_NONE};
    TRY(option_byte(format_option_text(options, prefix, "field-delimiter"), "field-delimiter",
                    &out->delimiter, error));
    if (!format_option_bool(options, prefix, "disable-quote-character"))
        TRY(option_byte(format_option_text(options, prefix, "quote-character"), "quote-character",
                        &out->quote, error));
    if (format_option_has(options, prefix, "escape-character")) {
        Str escape = format_option_text(options, prefix, "escape-character");
        if (str_is(escape, "\\"))
            out->escape = '\\';
        else
            TRY(option_byte(escape, "escape-character", &out->escape, error));
    }
    out->allows_comments = format_option_bool(options, prefix, "allow-comments");
    out->ignores_errors = format_option_bool(options, prefix, "ignore-parse-errors");
    out->has_null_literal = format_option_has(options, prefix, "null-literal");
    if (out->has_null_literal)
        out->null_literal = str_copy(arena, format_option_text(options, prefix, "null-literal"));
    out->writes_scientific =
        format_option_bool(options, prefix, "write-bigdecimal-in-scientific-notation");
    Str elements = format_option_text(options, prefix, "array-element-delimiter");
    if (elements.length == 0)
        return fail(error, ERR_INVALID, "WR3507",
                    "csv option 'array-element-delimiter' must not be empty");
    out->element_delimiter = str_copy(arena, elements);
    int32_t escape = out->escape != CSV_NONE ? out->escape : out->delimiter;
    out->plain_ends = scan_set((uint8_t)out->delimiter, '\n', '\r', (uint8_t)escape);
    int32_t quote = out->quote != CSV_NONE ? out->quote : out->delimiter;
    escape = out->escape != CSV_NONE ? out->escape : quote;
    out->quoted_ends = scan_set((uint8_t)quote, (uint8_t)quote, (uint8_t)escape, (uint8_t)escape);
    return OK;
}

bool csv_takes_nested(Type type)
{
    bool is_taken = type.id == TYPE_ARRAY || type.id == TYPE_ROW;
    for (int32_t i = 0; is_taken && i < type.child_count; i++)
        is_taken = !type_is_nested(type.children[i]);
    return is_taken;
}

bool csv_next_element(const CsvOptions *options, Str *text, bool *is_first, Str *element)
{
    if (text->data == NULL || (*is_first && text->length == 0))
        return false;
    *is_first = false;
    int64_t at = str_find(*text, options->element_delimiter);
    if (at < 0) {
        *element = *text;
        *text = (Str){0};
        return true;
    }
    int64_t next = at + options->element_delimiter.length;
    *element = str_make(text->data, at);
    *text = str_make(text->data + next, text->length - next);
    return true;
}

typedef struct CsvCursor {
    const char *at;
    const char *end;
} CsvCursor;

/* The quoted field whose opening quote was taken: to behind its closing quote. */
static bool split_quoted(const CsvOptions *options, CsvCursor *cursor, CsvField *field)
{
    const char *start = cursor->at;
    *field = (CsvField){.is_quoted = true};
    while ((cursor->at = scan_to(cursor->at, cursor->end, &options->quoted_ends)) < cursor->end) {
        bool is_quote = (unsigned char)*cursor->at == options->quote;
        bool is_last = cursor->at + 1 == cursor->end;
        if (is_quote && (is_last || (unsigned char)cursor->at[1] != options->quote)) {
            field->raw = str_make(start, cursor->at - start);
            cursor->at++;
            return true;
        }
        field->has_escapes |= !is_last;
        cursor->at += is_last ? 1 : 2;
    }
    return false;
}

static void split_plain(const CsvOptions *options, CsvCursor *cursor, CsvField *field)
{
    const char *start = cursor->at;
    *field = (CsvField){0};
    while ((cursor->at = scan_to(cursor->at, cursor->end, &options->plain_ends)) < cursor->end) {
        char c = *cursor->at;
        if ((unsigned char)c == options->delimiter || c == '\n' || c == '\r')
            break;
        bool is_last = cursor->at + 1 == cursor->end;
        field->has_escapes |= !is_last;
        cursor->at += is_last ? 1 : 2;
    }
    field->raw = str_make(start, cursor->at - start);
}

static CsvResult split_line_only(CsvResult result, Str bytes, int64_t *used)
{
    const char *end = memchr(bytes.data, '\n', (size_t)bytes.length);
    *used = end == NULL ? bytes.length : end - bytes.data + 1;
    return result;
}

/* Behind a closing quote only blanks may stand before the delimiter. */
static bool split_after_quote(const CsvOptions *options, CsvCursor *cursor)
{
    while (cursor->at < cursor->end && (*cursor->at == ' ' || *cursor->at == '\t') &&
           (unsigned char)*cursor->at != options->delimiter)
        cursor->at++;
    return cursor->at == cursor->end || (unsigned char)*cursor->at == options->delimiter ||
           *cursor->at == '\n' || *cursor->at == '\r';
}

CsvResult csv_split(const CsvOptions *options, Str bytes, CsvField *fields, int32_t max,
                    int32_t *count, int64_t *used)
{
    assert(bytes.length > 0 && max >= 0);
    CsvCursor cursor = {bytes.data, bytes.data + bytes.length};
    *count = 0;
    if (*cursor.at == '\n' || *cursor.at == '\r' ||
        (*cursor.at == '#' && options->allows_comments)) {
        split_line_only(CSV_BLANK, bytes, used);
        if (*cursor.at == '\r' && (*used == 1 || cursor.at[1] != '\n'))
            *used = 1;
        return CSV_BLANK;
    }
    for (;;) {
        CsvField field;
        if (cursor.at < cursor.end && (unsigned char)*cursor.at == options->quote) {
            cursor.at++;
            if (!split_quoted(options, &cursor, &field))
                return split_line_only(CSV_UNCLOSED, bytes, used);
            if (!split_after_quote(options, &cursor))
                return split_line_only(CSV_GARBAGE, bytes, used);
        } else {
            split_plain(options, &cursor, &field);
        }
        if (*count < max)
            fields[*count] = field;
        *count += 1;
        if (cursor.at == cursor.end || (unsigned char)*cursor.at != options->delimiter)
            break;
        cursor.at++;
    }
    if (cursor.at < cursor.end && *cursor.at == '\r')
        cursor.at++;
    if (cursor.at < cursor.end && *cursor.at == '\n')
        cursor.at++;
    *used = cursor.at - bytes.data;
    return CSV_OK;
}

/* What an escaped character means. */
static char escaped_byte(char c)
{
    switch (c) {
    case 'n': return '\n';
    case 'r': return '\r';
    case 't': return '\t';
    case '0': return '\0';
    default: return c;
    }
}

Str csv_field_text(const CsvOptions *options, const CsvField *field, Buffer *scratch)
{
    if (!field->has_escapes)
        return field->raw;
    scratch->length = 0;
    for (int64_t i = 0; i < field->raw.length; i++) {
        char c = field->raw.data[i];
        bool is_last = i + 1 == field->raw.length;
        if ((unsigned char)c == options->escape && !is_last)
            c = escaped_byte(field->raw.data[++i]);
        else if (field->is_quoted && (unsigned char)c == options->quote && !is_last)
            i++;
        buffer_append_char(scratch, c);
    }
    return buffer_str(scratch);
}
