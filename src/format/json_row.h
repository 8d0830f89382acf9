/* One JSON object into one row of a batch. Shared by json and the change formats.
 * Private to format/. */
#ifndef WEIR_FORMAT_JSON_ROW_H
#define WEIR_FORMAT_JSON_ROW_H

#include "data/nested.h"
#include "format/format.h"
#include "format/json_walk.h"
#include "format/text.h"

enum {
    JSON_ORDER_MAX = 64,     /* fields of an object whose place is remembered */
    JSON_KEY_BYTES_MAX = 47, /* of a remembered key */
    JSON_HEAD_BYTES = 16,
    JSON_REASON_BYTES = 512,
};

/* Types whose usual texts are read without a detour, by their physical. */
typedef enum JsonShortcut {
    SHORTCUT_NONE,
    SHORTCUT_I32,
    SHORTCUT_I64,
    SHORTCUT_DECIMAL,
    SHORTCUT_TEXT,
    SHORTCUT_TIMESTAMP, /* without a zone, p <= 6 */
} JsonShortcut;

typedef struct JsonGroup JsonGroup;
typedef struct JsonNested JsonNested;

/* A wanted column. `values` and `valid` are those of the batch being filled. */
typedef struct JsonColumn {
    Str name;
    Type type;
    JsonNested *nested; /* how a value of a nested type is built; NULL for other types */
    JsonGroup *group;   /* an object of which single fields are columns; or NULL */
    JsonShortcut shortcut;
    int32_t micros_cut; /* SHORTCUT_TIMESTAMP: a multiple of this is kept */
    int32_t batch_column;
    void *values;
    Column *column;
    uint64_t seen; /* the number of the last object that had it */
} JsonColumn;

/* What stood at this place of the last object: most objects list their fields in one order, so
 * the next key is most likely this one. The text has its closing quote behind it. */
typedef struct JsonExpected {
    uint64_t head[2]; /* the first 16 bytes of `text`, masked */
    uint64_t mask[2];
    int32_t length; /* with the quote; 0: nothing known */
    int32_t column; /* index into columns, or -1: not wanted */
    char text[JSON_KEY_BYTES_MAX + 1];
} JsonExpected;

/* The wanted members of one object. */
struct JsonGroup {
    JsonColumn *columns;
    int32_t column_count;
    int32_t *table; /* wanted names by hash: index into columns + 1, 0: free */
    int32_t table_mask;
    bool is_built;   /* members are fields of the ROW that is being built, not columns */
    uint64_t object; /* number of the object being read */
    JsonExpected order[JSON_ORDER_MAX];
};

typedef struct JsonRow {
    JsonGroup top;
    bool fails_on_missing;
    bool ignores_errors;
    TextTimes times;
    char separator; /* between date and time */
    TextDates dates;
    NestedBuilder builder;
    Batch *batch;
    int32_t capacity;
    Buffer scratch;
    const char *code; /* of the last failure */
    char reason[JSON_REASON_BYTES];
} JsonRow;

/* ERR_INVALID when a wanted column has a type that JSON is not decoded to. `has_missing_option`:
 * the format has the option fail-on-missing-field. */
Status json_row_open(Arena *arena, const DecoderSpec *spec, bool has_missing_option, JsonRow *row,
                     Error *error);
void json_row_close(JsonRow *row);

/* Fill rows of this batch from now on. */
void json_row_begin(JsonRow *row, Batch *batch, int32_t capacity);

/* Read the object whose brace is the walk's next token into row `index` of the batch. False:
 * malformed, or a field that is no value of its column: `code` and `reason` say why, the row's
 * content is unspecified. */
bool json_row_read(JsonRow *row, JsonWalk *walk, int32_t index);

/* The members of the object whose brace was taken last. */
bool json_group_read(JsonRow *row, JsonGroup *group, JsonWalk *walk, int32_t index);

/* Names are added with json_group_add; its columns must have room. */
JsonGroup *json_group_new(Arena *arena, int32_t columns_max);
JsonColumn *json_group_add(Arena *arena, JsonGroup *group, Str name, Type type);

/* Set the failure. Returns false. */
bool json_row_fail(JsonRow *row, const char *code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The bytes inside the quotes with escapes resolved; false for a wrong escape. `out` points
 * into `raw` or into `scratch`. */
bool json_unescape(Str raw, Buffer *scratch, Str *out);

#endif
