/* The marks of a test file, line by line. */
#include "trial/file.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

#include "plan/options.h"

enum { TITLE_BYTES_MAX = 400, STEPS_MAX = 10000, CASES_MAX = 100000 };

typedef struct FileParser {
    Arena *arena;
    Error *error;
    TrialFile *file;
    TrialCase *current; /* NULL before the first title */
    SectionBody *body;  /* of the section that is open; NULL: none */
    int64_t body_start; /* byte of the file */
    int32_t line;       /* that is looked at, from 1 */
} FileParser;

bool line_next(Str *rest, Str *line)
{
    if (rest->length == 0)
        return false;
    const char *end = memchr(rest->data, '\n', (size_t)rest->length);
    int64_t length = end == NULL ? rest->length : end - rest->data;
    *line = str_make(rest->data, length);
    int64_t taken = end == NULL ? length : length + 1;
    *rest = str_make(rest->data + taken, rest->length - taken);
    return true;
}

static bool line_is_empty(Str line)
{
    Str text = str_trim(line);
    return text.length == 0 || text.data[0] == '#';
}

/* What is behind the line, or behind more of them while a parenthesis is open: its length. */
static int64_t fed_length(Str text)
{
    int32_t depth = 0;
    bool is_quoted = false;
    int64_t i = 0;
    for (; i < text.length; i++) {
        char c = text.data[i];
        if (c == '\'')
            is_quoted = !is_quoted; /* a doubled quote ends and begins again */
        else if (!is_quoted && c == '(')
            depth++;
        else if (!is_quoted && c == ')')
            depth--;
        else if (!is_quoted && c == '\n' && depth <= 0)
            break;
    }
    return i;
}

static void fed_parse(Str text, FedRow *out)
{
    static const RowKind kinds[] = {ROW_INSERT, ROW_UPDATE_BEFORE, ROW_UPDATE_AFTER, ROW_DELETE};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (!str_has_prefix(text, str_from(row_kind_text(kinds[i]))))
            continue;
        out->kind = kinds[i];
        text = str_trim(str_make(text.data + 2, text.length - 2));
        break;
    }
    out->values = text;
    out->is_good = text.length >= 2 && text.data[0] == '(' && text.data[text.length - 1] == ')';
}

static void fed_skip(FedCursor *cursor, int64_t length)
{
    for (int64_t i = 0; i < length; i++)
        cursor->line += cursor->rest.data[i] == '\n';
    cursor->rest = str_make(cursor->rest.data + length, cursor->rest.length - length);
}

bool fed_next(FedCursor *cursor, FedRow *out)
{
    Str line;
    for (;;) {
        Str rest = cursor->rest;
        if (!line_next(&rest, &line))
            return false;
        if (!line_is_empty(line))
            break;
        fed_skip(cursor, cursor->rest.length - rest.length);
    }
    *out = (FedRow){.kind = ROW_INSERT, .line = cursor->line};
    int64_t length = fed_length(cursor->rest);
    fed_parse(str_trim(str_make(cursor->rest.data, length)), out);
    fed_skip(cursor, length < cursor->rest.length ? length + 1 : length);
    return true;
}

#define MISTAKE(parser, ...) parser_mistake((parser), (parser)->line, __VA_ARGS__)

static Status parser_mistake(const FileParser *parser, int32_t line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static Status parser_mistake(const FileParser *parser, int32_t line, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return fail(parser->error, ERR_INVALID, "WR7020", "%s:%d: %s", parser->file->path, line, text);
}

/* ---- Words of a mark ------------------------------------------------------------------------ */

static Str word_next(Str *rest)
{
    Str word = str_split(str_trim(*rest), ' ', rest);
    *rest = str_trim(*rest);
    return word;
}

static bool word_take(Str *rest, const char *word)
{
    Str copy = *rest;
    if (!str_is(word_next(&copy), word))
        return false;
    *rest = copy;
    return true;
}

static TrialStep *parser_add_step(FileParser *parser, StepKind kind)
{
    TrialStep *step = ARENA_NEW(parser->arena, TrialStep);
    step->kind = kind;
    step->line = parser->line;
    list_append(&parser->current->steps, parser->arena, step);
    parser->body = &step->body;
    return step;
}

/* A name as SQL writes it, backticks taken off. */
static Str parser_name(Str word)
{
    if (word.length >= 2 && word.data[0] == '`' && word.data[word.length - 1] == '`')
        return str_make(word.data + 1, word.length - 2);
    return word;
}

static Status parse_feed(FileParser *parser, Str rest)
{
    Str table = parser_name(rest);
    if (table.length == 0)
        return MISTAKE(parser, "`--- feed` needs the name of a table");
    parser_add_step(parser, STEP_FEED)->table = table;
    return OK;
}

static Status parse_advance(FileParser *parser, Str rest)
{
    if (word_take(&rest, "clock")) {
        TrialStep *step = parser_add_step(parser, STEP_ADVANCE_CLOCK);
        if (!duration_parse(rest, &step->clock_us) || step->clock_us < 0)
            return MISTAKE(parser, "`%.*s` is no duration, such as 10 s", STR_ARGS(rest));
        return OK;
    }
    if (!word_take(&rest, "watermark"))
        return MISTAKE(parser, "`--- advance` takes `clock DURATION` or `watermark TABLE to TIME`");
    TrialStep *step = parser_add_step(parser, STEP_ADVANCE_WATERMARK);
    step->table = parser_name(word_next(&rest));
    if (!word_take(&rest, "to"))
        return MISTAKE(parser, "`--- advance watermark` takes `TABLE to TIME`");
    if (rest.length > 2 && rest.data[0] == '\'' && rest.data[rest.length - 1] == '\'')
        rest = str_make(rest.data + 1, rest.length - 2);
    if (rest.length > 10 && rest.data[10] == 'T' ? !timestamp_parse(rest, 'T', &step->watermark)
                                                 : !timestamp_parse(rest, ' ', &step->watermark))
        return MISTAKE(parser, "`%.*s` is no time, such as 2024-01-01 00:01:00", STR_ARGS(rest));
    return OK;
}

static Status parse_expect(FileParser *parser, Str rest)
{
    static const struct {
        const char *words;
        StepKind kind;
    } kinds[] = {
        {"changes", STEP_EXPECT_CHANGES}, {"rows", STEP_EXPECT_ROWS},
        {"error", STEP_EXPECT_ERROR},     {"dead letters", STEP_EXPECT_DEAD_LETTERS},
        {"plan", STEP_EXPECT_PLAN},       {"output", STEP_EXPECT_OUTPUT},
    };
    TrialStep *step = NULL;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0] && step == NULL; i++) {
        Str words = str_from(kinds[i].words);
        if (!str_has_prefix(rest, words))
            continue;
        rest = str_trim(str_make(rest.data + words.length, rest.length - words.length));
        step = parser_add_step(parser, kinds[i].kind);
    }
    if (step == NULL)
        return MISTAKE(parser, "`--- expect` takes changes, rows, error, dead letters, plan or "
                               "output");
    bool has_sink = step->kind == STEP_EXPECT_CHANGES || step->kind == STEP_EXPECT_ROWS;
    if (has_sink && word_take(&rest, "of"))
        step->table = parser_name(word_next(&rest));
    if (step->kind == STEP_EXPECT_CHANGES && str_is(rest, "in any order")) {
        step->is_any_order = true;
        return OK;
    }
    if (rest.length > 0)
        return MISTAKE(parser, "`%.*s` is not understood here", STR_ARGS(rest));
    return OK;
}

/* ---- Lines ---------------------------------------------------------------------------------- */

/* What was open ends before the line that starts at `end`, and so do blank lines before it. */
static void parser_close_body(FileParser *parser, int64_t end)
{
    if (parser->body == NULL)
        return;
    Str text = parser->file->text;
    int64_t last = end;
    while (last > parser->body_start) {
        int64_t start = last - 1;
        while (start > parser->body_start && text.data[start - 1] != '\n')
            start--;
        if (str_trim(str_make(text.data + start, last - start)).length > 0)
            break;
        last = start;
    }
    parser->body->text = str_make(text.data + parser->body_start, last - parser->body_start);
    parser->body = NULL;
}

static SectionBody *parser_add_sql(FileParser *parser, List *list)
{
    SectionBody *body = ARENA_NEW(parser->arena, SectionBody);
    list_append(list, parser->arena, body);
    return body;
}

static Status parse_pipeline(FileParser *parser, Str rest)
{
    if (rest.length == 0)
        return MISTAKE(parser, "`--- pipeline` needs the path of a file");
    if (parser->current->pipeline.data != NULL)
        return MISTAKE(parser, "the case has a pipeline already");
    parser->current->pipeline = rest;
    parser->current->pipeline_line = parser->line;
    return OK;
}

static Status parse_section(FileParser *parser, Str head)
{
    Str rest = head;
    Str word = word_next(&rest);
    if (str_is(word, "setup") && parser->current == NULL && rest.length == 0) {
        parser->body = parser_add_sql(parser, &parser->file->setup);
        return OK;
    }
    if (str_is(word, "setup"))
        return MISTAKE(parser, "`--- setup` stands alone, before the first case");
    if (parser->current == NULL)
        return MISTAKE(parser, "`--- %.*s` before the first case (`=== title`)", STR_ARGS(head));
    if (str_is(word, "sql") && rest.length == 0) {
        if (parser->current->steps.count > 0)
            return MISTAKE(parser, "`--- sql` comes before what is fed and expected");
        parser->body = parser_add_sql(parser, &parser->current->sql);
        return OK;
    }
    if (str_has_prefix(head, STR("differs from flink:"))) {
        parser->current->difference = str_trim(str_make(head.data + 19, head.length - 19));
        return OK;
    }
    if (str_has_prefix(head, STR("only row by row:"))) {
        parser->current->only_inline = str_trim(str_make(head.data + 16, head.length - 16));
        return OK;
    }
    if (str_is(word, "pipeline"))
        return parse_pipeline(parser, rest);
    if (str_is(word, "feed"))
        return parse_feed(parser, rest);
    if (str_is(word, "advance"))
        return parse_advance(parser, rest);
    if (str_is(word, "expect"))
        return parse_expect(parser, rest);
    return MISTAKE(parser,
                   "there is no section `--- %.*s`: setup, sql, pipeline, feed, advance, expect",
                   STR_ARGS(head));
}

/* A case is whole once the next one begins. */
static Status parser_close_case(const FileParser *parser)
{
    const TrialCase *test = parser->current;
    if (test == NULL)
        return OK;
    if (test->sql.count == 0 && test->pipeline.data == NULL)
        return parser_mistake(parser, test->line, "the case has no `--- sql`");
    const TrialStep *last =
        test->steps.count == 0 ? NULL : LIST_AT(test->steps, test->steps.count - 1, TrialStep);
    if (last == NULL || !step_is_expectation(last->kind))
        return parser_mistake(parser, last == NULL ? test->line : last->line,
                              "the case ends without `--- expect`");
    for (int32_t i = 0; i < test->steps.count; i++) {
        const TrialStep *step = LIST_AT(test->steps, i, TrialStep);
        if (step->kind == STEP_EXPECT_ERROR && test->steps.count > i + 1)
            return parser_mistake(parser, step->line, "nothing comes after `--- expect error`");
    }
    return OK;
}

static Status parse_title(FileParser *parser, Str title)
{
    TRY(parser_close_case(parser));
    if (title.length == 0 || title.length > TITLE_BYTES_MAX)
        return MISTAKE(parser, "a case has a title of at most %d bytes", TITLE_BYTES_MAX);
    if (parser->file->cases.count == CASES_MAX)
        return MISTAKE(parser, "a file has at most %d cases", CASES_MAX);
    TrialCase *test = ARENA_NEW(parser->arena, TrialCase);
    test->title = title;
    test->line = parser->line;
    list_append(&parser->file->cases, parser->arena, test);
    parser->current = test;
    return OK;
}

static Status parse_line(FileParser *parser, Str line, int64_t start, int64_t end)
{
    bool is_title = str_has_prefix(line, STR("=== "));
    bool is_section = str_has_prefix(line, STR("--- "));
    if (!is_title && !is_section) {
        if (parser->body == NULL && !line_is_empty(line))
            return MISTAKE(parser, "text outside of a section; comments begin with #");
        return OK;
    }
    parser_close_body(parser, start);
    Str words = str_trim(str_make(line.data + 4, line.length - 4));
    if (is_title)
        return parse_title(parser, words);
    TRY(parse_section(parser, words));
    if (parser->current != NULL && parser->current->steps.count > STEPS_MAX)
        return MISTAKE(parser, "a case has at most %d steps", STEPS_MAX);
    parser->body_start = end;
    if (parser->body != NULL)
        parser->body->first_line = parser->line + 1;
    return OK;
}

Status trial_parse(const char *path, Str text, Arena *arena, TrialFile **out, Error *error)
{
    TrialFile *file = ARENA_NEW(arena, TrialFile);
    file->path = path;
    file->text = text;
    FileParser parser = {.arena = arena, .error = error, .file = file};
    Str rest = text, line;
    while (line_next(&rest, &line)) {
        parser.line++;
        TRY(parse_line(&parser, line, line.data - text.data, rest.data - text.data));
    }
    parser_close_body(&parser, text.length);
    TRY(parser_close_case(&parser));
    if (file->cases.count == 0)
        return parser_mistake(&parser, 1, "the file has no case (`=== title`)");
    assert(parser.body == NULL);
    *out = file;
    return OK;
}
