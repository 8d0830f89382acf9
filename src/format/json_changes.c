/* Rules: Flink 1.20, CanalJsonDeserializationSchema and MaxwellJsonDeserializationSchema.
 *
 * One walk finds what the record is and where its rows begin. Then its rows are read in pairs: the
 * new one, and over the old one, in the columns that "old" has not, a copy of it. A record is taken
 * as a whole or not at all; the batch grows if it has more rows than there is room for. */
#include "format/json_changes.h"

#include <assert.h>

#include "expr/regex.h"
#include "format/formats.h"
#include "format/json_lines.h"
#include "format/json_members.h"
#include "format/json_write.h"

enum {
    ROWS_SPARE = 64,
    RECORD_ROWS_MAX = 1 << 17, /* of one record */
    PATTERN_SHOWN = 80,
};

enum { MEMBER_DATA, MEMBER_OLD, MEMBER_TYPE, MEMBER_DATABASE, MEMBER_TABLE, MEMBER_DDL, MEMBERS };

static const char *const CODE_MALFORMED = "WR3501";
static const char *const CODE_CHANGE = "WR3506";

typedef struct JsonChanges {
    JsonLines lines;
    JsonRow row;
    JsonMetadata metadata;
    const ChangeDialect *dialect;
    Regex *database, *table; /* only records of these; or NULL */
    int32_t at;              /* rows of the batch, with those of the record in hand */
    JsonMember members[MEMBERS];
} JsonChanges;

/* A list of rows that is being walked. */
typedef struct RowList {
    JsonWalk walk;
    const char *name;
    bool is_begun;
} RowList;

/* ---- Room ---------------------------------------------------------------------------------- */

static void changes_begin(JsonChanges *changes, Batch *batch, int32_t capacity)
{
    json_row_begin(&changes->row, batch, capacity);
    json_metadata_begin(&changes->metadata, batch, capacity);
}

/* For one more pair of rows. */
static bool changes_make_room(JsonChanges *changes)
{
    JsonRow *row = &changes->row;
    Batch *batch = row->batch;
    if (changes->at + ROWS_PER_CHANGE <= row->capacity)
        return true;
    if (changes->at - batch->row_count >= RECORD_ROWS_MAX)
        return json_row_fail(row, CODE_CHANGE, "the record has more than %d rows",
                             (int)RECORD_ROWS_MAX);
    int32_t capacity = (row->capacity * 2 + 63) / 64 * 64;
    batch_grow(batch, changes->at, capacity);
    changes_begin(changes, batch, capacity);
    return true;
}

/* ---- Rows ---------------------------------------------------------------------------------- */

static bool changes_read(JsonChanges *changes, JsonWalk *walk, RowKind kind, int32_t index)
{
    if (!json_row_read(&changes->row, walk, index))
        return false;
    changes->row.batch->kinds[index] = (uint8_t)kind;
    return true;
}

static void column_fill(JsonRow *row, JsonColumn *column, int32_t into, int32_t from)
{
    for (int32_t i = 0; column->group != NULL && i < column->group->column_count; i++)
        column_fill(row, &column->group->columns[i], into, from);
    if (column->group == NULL)
        column_copy_row(column->column, row->batch->arena, into, row->capacity, column->column,
                        from);
}

/* The old row as it was: what "old" does not name has not changed. */
static void changes_fill_old(JsonRow *row, int32_t before, int32_t after)
{
    for (int32_t i = 0; i < row->top.column_count; i++)
        if (row->top.columns[i].seen != row->top.object)
            column_fill(row, &row->top.columns[i], before, after);
}

/* The rows of one change; `old` is where the old one begins, for an update. */
static bool changes_take(JsonChanges *changes, ChangeAction action, JsonWalk *data, JsonWalk *old)
{
    if (!changes_make_room(changes))
        return false;
    int32_t at = changes->at;
    if (action != CHANGE_UPDATE) {
        changes->at = at + 1;
        return changes_read(changes, data, action == CHANGE_INSERT ? ROW_INSERT : ROW_DELETE, at);
    }
    changes->at = at + 2;
    if (!changes_read(changes, data, ROW_UPDATE_AFTER, at + 1) ||
        !changes_read(changes, old, ROW_UPDATE_BEFORE, at))
        return false;
    changes_fill_old(&changes->row, at, at + 1);
    return true;
}

static bool list_open(JsonRow *row, const JsonMember *member, const char *name, RowList *list)
{
    uint32_t position;
    *list = (RowList){.walk = member->nested, .name = name};
    if (list->walk.at == NULL || json_walk_next(&list->walk, &position) != '[')
        return json_row_fail(row, CODE_CHANGE, "the \"%s\" field of the record is no list of rows",
                             name);
    return true;
}

/* Whether an element follows, at which the walk then stands; *is_good: the list is none. */
static bool list_next(JsonRow *row, RowList *list, bool *is_good)
{
    uint32_t position;
    JsonWalk here = list->walk;
    char c = json_walk_next(&here, &position);
    bool is_first = !list->is_begun;
    list->is_begun = true;
    *is_good = true;
    if (c == ']')
        return false;
    if (is_first)
        return true;
    list->walk = here;
    if (c != ',')
        *is_good =
            json_row_fail(row, CODE_MALFORMED,
                          "malformed json: \"%s\" lacks a comma or a closing bracket", list->name);
    return *is_good;
}

static bool changes_take_lists(JsonChanges *changes, ChangeAction action)
{
    JsonRow *row = &changes->row;
    RowList data, old = {0};
    bool is_good;
    if (!list_open(row, &changes->members[MEMBER_DATA], "data", &data) ||
        (action == CHANGE_UPDATE && !list_open(row, &changes->members[MEMBER_OLD], "old", &old)))
        return false;
    while (list_next(row, &data, &is_good)) {
        if (action == CHANGE_UPDATE && !list_next(row, &old, &is_good))
            return !is_good
                       ? false
                       : json_row_fail(row, CODE_CHANGE, "\"old\" has fewer rows than \"data\"");
        if (!changes_take(changes, action, &data.walk, &old.walk))
            return false;
    }
    return is_good;
}

static bool changes_take_rows(JsonChanges *changes, ChangeAction action)
{
    JsonMember *data = &changes->members[MEMBER_DATA], *old = &changes->members[MEMBER_OLD];
    if (changes->dialect->has_lists)
        return changes_take_lists(changes, action);
    if (data->nested.at == NULL || (action == CHANGE_UPDATE && old->nested.at == NULL))
        return json_row_fail(&changes->row, CODE_CHANGE, "the \"%s\" field of the record is no row",
                             data->nested.at == NULL ? "data" : "old");
    return changes_take(changes, action, &data->nested, &old->nested);
}

/* ---- Records ------------------------------------------------------------------------------- */

/* Whether the member's text is one of those that are wanted. */
static bool changes_include(JsonChanges *changes, Regex *pattern, int32_t member, const char *name,
                            bool *is_included)
{
    Str raw = changes->members[member].scalar, text;
    *is_included = true;
    if (pattern == NULL)
        return true;
    if (raw.length < 2 || raw.data[0] != '"' ||
        !json_unescape(str_make(raw.data + 1, raw.length - 2), &changes->row.scratch, &text))
        return json_row_fail(&changes->row, CODE_CHANGE,
                             "the \"%s\" field of the record is no text", name);
    RegexResult found = regex_find(pattern, text, 0);
    *is_included = found == REGEX_FOUND;
    if (found == REGEX_LIMIT)
        return json_row_fail(&changes->row, CODE_CHANGE, "'%s.include' takes too many steps", name);
    return true;
}

static bool changes_find_action(JsonChanges *changes, ChangeAction *out)
{
    const ChangeDialect *dialect = changes->dialect;
    Str type = changes->members[MEMBER_TYPE].scalar;
    bool is_ddl = dialect->marks_ddl && str_is(changes->members[MEMBER_DDL].scalar, "true");
    *out = CHANGE_SKIP;
    for (int32_t i = 0; i < dialect->type_count; i++) {
        if (!str_equal(type, dialect->types[i].name))
            continue;
        *out = dialect->types[i].action;
        return true;
    }
    if (is_ddl)
        return true;
    return json_row_fail(&changes->row, CODE_CHANGE, "unknown \"type\" value %.*s",
                         STR_ARGS(type.length > 0 ? type : STR("null")));
}

static bool changes_take_record(JsonChanges *changes, JsonWalk *walk)
{
    JsonRow *row = &changes->row;
    JsonWalk start = *walk;
    ChangeAction action;
    bool is_included;
    changes->at = row->batch->row_count;
    if (!json_members_scan(row, walk, changes->members, MEMBERS))
        return false;
    if (!changes_include(changes, changes->database, MEMBER_DATABASE, "database", &is_included) ||
        (is_included &&
         !changes_include(changes, changes->table, MEMBER_TABLE, "table", &is_included)))
        return false;
    if (!is_included)
        return true;
    if (!changes_find_action(changes, &action))
        return false;
    if (action == CHANGE_LOSS)
        return json_row_fail(row, CODE_CHANGE,
                             "the source lost all rows by %.*s, which a changelog cannot say",
                             STR_ARGS(changes->members[MEMBER_TYPE].scalar));
    if (action == CHANGE_SKIP)
        return true;
    int32_t first = changes->at;
    if (!changes_take_rows(changes, action))
        return false;
    JsonMetadata *metadata = &changes->metadata;
    if (metadata->count > 0 && changes->at > first &&
        !json_metadata_read(metadata, start, first, changes->at))
        return json_row_fail(row, metadata->row.code, "%s", metadata->row.reason);
    row->batch->row_count = changes->at;
    return true;
}

static bool changes_record(void *context, JsonWalk *walk, const char **code, const char **reason)
{
    JsonChanges *changes = context;
    if (changes_take_record(changes, walk))
        return true;
    *code = changes->row.code;
    *reason = changes->row.reason;
    return false;
}

/* ---- The decoder --------------------------------------------------------------------------- */

/* The option as a pattern for whole texts; NULL: it is not given. */
static Status pattern_open(Arena *arena, const DecoderSpec *spec, const char *key, Regex **out,
                           Error *error)
{
    *out = NULL;
    if (!format_option_has(spec->options, spec->prefix, key))
        return OK;
    Str text = format_option_text(spec->options, spec->prefix, key);
    const char *whole = arena_printf(arena, "\\A(?:%.*s)\\z", STR_ARGS(text));
    *out = regex_compile(arena, str_from(whole));
    if (*out != NULL)
        return OK;
    return fail(error, ERR_INVALID, "WR3505", "'%s%s' is not a regular expression: %.*s",
                spec->prefix, key, (int)(text.length < PATTERN_SHOWN ? text.length : PATTERN_SHOWN),
                text.data);
}

Status json_changes_open(Arena *arena, const DecoderSpec *spec, const ChangeDialect *dialect,
                         Decoder **out, Error *error)
{
    static const Str keys[MEMBERS] = {
        [MEMBER_DATA] = STR("\"data\""),   [MEMBER_OLD] = STR("\"old\""),
        [MEMBER_TYPE] = STR("\"type\""),   [MEMBER_DATABASE] = STR("\"database\""),
        [MEMBER_TABLE] = STR("\"table\""), [MEMBER_DDL] = STR("\"isDdl\""),
    };
    JsonChanges *changes = ARENA_NEW(arena, JsonChanges);
    changes->dialect = dialect;
    for (int32_t i = 0; i < MEMBERS; i++)
        changes->members[i].key = keys[i];
    TRY(json_row_open(arena, spec, false, &changes->row, error));
    TRY(json_metadata_open(arena, spec, dialect->metadata, 0, &changes->metadata, error));
    if (dialect->has_filters) {
        TRY(pattern_open(arena, spec, "database.include", &changes->database, error));
        TRY(pattern_open(arena, spec, "table.include", &changes->table, error));
    }
    changes->lines = (JsonLines){.record = changes_record,
                                 .context = changes,
                                 .rows_per_record = ROWS_PER_CHANGE,
                                 .rows_spare = dialect->has_lists ? ROWS_SPARE : 0,
                                 .drops_rejects = changes->row.ignores_errors};
    json_lines_open(&changes->lines, spec);
    *out = (Decoder *)changes;
    return OK;
}

void json_changes_decode(Decoder *base, Str block, Batch *into, int32_t capacity, int64_t *used)
{
    JsonChanges *changes = (JsonChanges *)base;
    batch_need_kinds(into, capacity);
    changes_begin(changes, into, capacity);
    json_lines_decode(&changes->lines, block, into, capacity, used);
    batch_select_all(into);
}

void json_changes_message(Decoder *base, Str message, Batch *into, int32_t capacity)
{
    JsonChanges *changes = (JsonChanges *)base;
    batch_need_kinds(into, capacity);
    changes_begin(changes, into, capacity);
    json_lines_message(&changes->lines, message);
    batch_select_all(into);
}

int64_t json_changes_last_end(Decoder *base, Str bytes)
{
    (void)base;
    return json_lines_last_end(bytes);
}

void json_changes_close(Decoder *base)
{
    JsonChanges *changes = (JsonChanges *)base;
    json_lines_close(&changes->lines);
    json_row_close(&changes->row);
    json_metadata_close(&changes->metadata);
}

/* ---- The encoder --------------------------------------------------------------------------- */

typedef struct ChangesEncoder {
    JsonObject object;
    const ChangeDialect *dialect;
} ChangesEncoder;

Status json_changes_encoder_open(Arena *arena, const EncoderSpec *spec,
                                 const ChangeDialect *dialect, Encoder **out, Error *error)
{
    ChangesEncoder *encoder = ARENA_NEW(arena, ChangesEncoder);
    encoder->dialect = dialect;
    TRY(json_object_open(arena, spec, &encoder->object, error));
    *out = (Encoder *)encoder;
    return OK;
}

const char *json_changes_encode(Encoder *base, const Batch *batch, int32_t row, Buffer *out)
{
    const ChangesEncoder *encoder = (const ChangesEncoder *)base;
    const ChangeDialect *dialect = encoder->dialect;
    buffer_append_text(out, dialect->before);
    const char *problem = json_object_write(&encoder->object, batch, row, out);
    bool is_delete = row_kind_is_retraction((uint8_t)batch_kind(batch, row));
    buffer_append_text(out, is_delete ? dialect->behind_delete : dialect->behind_insert);
    return problem;
}

void json_changes_encoder_close(Encoder *encoder)
{
    (void)encoder;
}
