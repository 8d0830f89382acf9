/* LIKE, SIMILAR TO and the REGEXP functions. Patterns that are literals are compiled once. */
#include "expr/functions/strings.h"
#include "expr/like.h"
#include "expr/regex.h"

enum { ESCAPE_NONE = -1, ESCAPE_BAD = -2, FAST_ROWS_MIN = 16 };

static bool is_literal(const Expr *expr)
{
    return expr->kind == EXPR_LITERAL && !expr->literal.is_null;
}

/* The escape character of the row's call. */
static int escape_at(Str escape)
{
    return escape.length == 1 ? (uint8_t)escape.data[0] : ESCAPE_BAD;
}

static int call_escape(const Call *call, int32_t row)
{
    if (call->node->arg_count < 3)
        return ESCAPE_NONE;
    StrArg escapes = call_str_arg(call, 2);
    return escape_at(str_arg(&escapes, row));
}

/* Ready patterns need literals for the pattern and the escape. */
static bool has_ready_pattern(const Expr *call, Str *pattern, int *escape)
{
    *escape = ESCAPE_NONE;
    if (!is_literal(call->args[1]))
        return false;
    *pattern = call->args[1]->literal.text;
    if (call->arg_count == 3) {
        if (!is_literal(call->args[2]))
            return false;
        *escape = escape_at(call->args[2]->literal.text);
    }
    return *escape != ESCAPE_BAD;
}

static Status bind_like(Binding *binding)
{
    for (int32_t i = 0; i < binding->arg_count; i++) {
        Type type = binding->args[i]->type;
        if (type.id == TYPE_NULL)
            binding_cast(binding, i, type_string());
        else if (!type_is_text(type))
            return binding_refuse(binding);
    }
    bool has_escape = binding->arg_count == 3 && is_literal(binding->args[2]);
    if (has_escape && escape_at(binding->args[2]->literal.text) == ESCAPE_BAD)
        return binding_fail(binding, 2, "WR2306", "the escape must be one ASCII character");
    binding->result = type_simple(TYPE_BOOLEAN);
    binding->result.is_nullable = binding_any_nullable(binding);
    return OK;
}

static void reject_escape(Call *call, int32_t row)
{
    call_reject(call, row, "WR4107", "the escape of %s is not one ASCII character",
                call->node->expr->function->info.name);
}

/* ---- LIKE ------------------------------------------------------------------------------ */

static void *like_prepare(Arena *arena, const Expr *call)
{
    Str pattern;
    int escape;
    return has_ready_pattern(call, &pattern, &escape) ? like_compile(arena, pattern, escape) : NULL;
}

static void like_kernel(Call *call)
{
    StrArg texts = call_str_arg(call, 0);
    StrArg patterns = call_str_arg(call, 1);
    uint8_t *out = call->out.values;
    const LikePattern *like = call->prepared;
    for (int32_t i = 0; i < call->rows.count; i++) {
        int32_t row = selection_row(call->rows, i);
        if (call->prepared == NULL) {
            int escape = call_escape(call, row);
            if (escape == ESCAPE_BAD) {
                reject_escape(call, row);
                continue;
            }
            like = like_compile(call->eval->scratch, str_arg(&patterns, row), escape);
        }
        out[row] = like_matches(like, str_arg(&texts, row));
    }
}

/* ---- Regular expressions --------------------------------------------------------------- */

/* The patterns of a call's rows: ready, or compiled when the pattern changes. */
typedef struct Patterns {
    Call *call;
    StrArg patterns;
    Regex *regex; /* NULL: not valid */
    Str last;
    int last_escape;
    bool is_ready, is_similar, has_last;
} Patterns;

static Patterns patterns_of(Call *call, bool is_similar)
{
    Patterns patterns = {.call = call, .patterns = call_str_arg(call, 1), .is_similar = is_similar};
    const Expr *expr = call->node->expr;
    Str pattern;
    int escape = ESCAPE_NONE;
    patterns.is_ready =
        is_similar ? has_ready_pattern(expr, &pattern, &escape) : is_literal(expr->args[1]);
    patterns.regex = call->prepared;
    if (patterns.regex != NULL && call->rows.count >= FAST_ROWS_MIN)
        regex_make_fast(patterns.regex);
    return patterns;
}

static Regex *patterns_at(Patterns *patterns, int32_t row, int escape)
{
    if (patterns->is_ready)
        return patterns->regex;
    Str pattern = str_arg(&patterns->patterns, row);
    if (patterns->has_last && str_equal(pattern, patterns->last) && escape == patterns->last_escape)
        return patterns->regex;
    Arena *scratch = patterns->call->eval->scratch;
    patterns->regex = patterns->is_similar ? regex_compile_similar(scratch, pattern, escape)
                                           : regex_compile(scratch, pattern);
    patterns->last = pattern;
    patterns->last_escape = escape;
    patterns->has_last = true;
    return patterns->regex;
}

static void reject_steps(Call *call, int32_t row)
{
    call_reject(call, row, "WR4106", "the pattern of %s takes too many steps on this text",
                call->node->expr->function->info.name);
}

static void *similar_prepare(Arena *arena, const Expr *call)
{
    Str pattern;
    int escape;
    return has_ready_pattern(call, &pattern, &escape)
               ? regex_compile_similar(arena, pattern, escape)
               : NULL;
}

static void *regexp_prepare(Arena *arena, const Expr *call)
{
    return is_literal(call->args[1]) ? regex_compile(arena, call->args[1]->literal.text) : NULL;
}

static void similar_kernel(Call *call)
{
    Patterns patterns = patterns_of(call, true);
    StrArg texts = call_str_arg(call, 0);
    uint8_t *out = call->out.values;
    for (int32_t i = 0; i < call->rows.count; i++) {
        int32_t row = selection_row(call->rows, i);
        int escape = call_escape(call, row);
        if (escape == ESCAPE_BAD) {
            reject_escape(call, row);
            continue;
        }
        Regex *regex = patterns_at(&patterns, row, escape);
        if (regex == NULL) {
            call_reject(call, row, "WR4107", "the pattern of SIMILAR TO is not valid");
            continue;
        }
        RegexResult result = regex_find(regex, str_arg(&texts, row), 0);
        out[row] = result == REGEX_FOUND;
        if (result == REGEX_LIMIT)
            reject_steps(call, row);
    }
}

static Status bind_similar(Binding *binding)
{
    TRY(bind_like(binding));
    Str pattern;
    int escape;
    Expr call = {.args = binding->args, .arg_count = binding->arg_count};
    if (has_ready_pattern(&call, &pattern, &escape) &&
        regex_compile_similar(binding->arena, pattern, escape) == NULL)
        return binding_fail(binding, 1, "WR2306", "the pattern of SIMILAR TO is not valid");
    return OK;
}

/* An empty or invalid pattern matches nothing. */
static void regexp_kernel(Call *call)
{
    Patterns patterns = patterns_of(call, false);
    StrArg texts = call_str_arg(call, 0);
    uint8_t *out = call->out.values;
    for (int32_t i = 0; i < call->rows.count; i++) {
        int32_t row = selection_row(call->rows, i);
        Regex *regex = patterns_at(&patterns, row, ESCAPE_NONE);
        out[row] = 0;
        if (regex == NULL || str_arg(&patterns.patterns, row).length == 0)
            continue;
        RegexResult result = regex_find(regex, str_arg(&texts, row), 0);
        out[row] = result == REGEX_FOUND;
        if (result == REGEX_LIMIT)
            reject_steps(call, row);
    }
}

static void extract_kernel(Call *call)
{
    Patterns patterns = patterns_of(call, false);
    StrArg texts = call_str_arg(call, 0);
    bool has_group = call->node->arg_count == 3;
    IntArg groups = has_group ? call_int_arg(call, 2) : (IntArg){0};
    for (int32_t i = 0; i < call->rows.count; i++) {
        int32_t row = selection_row(call->rows, i);
        Regex *regex = patterns_at(&patterns, row, ESCAPE_NONE);
        Str text = str_arg(&texts, row);
        int64_t group = has_group ? int_arg(&groups, row) : 0;
        RegexResult result = regex == NULL ? REGEX_NONE : regex_find(regex, text, 0);
        Str part;
        if (result == REGEX_LIMIT)
            reject_steps(call, row);
        else if (result == REGEX_FOUND && regex_group(regex, text, group, &part) &&
                 part.data != NULL)
            call_set_str(call, row, part);
        else
            call_set_null(call, row);
    }
}

/* Every match replaced, the replacement taken literally. */
static RegexResult replace_matches(Buffer *out, Regex *regex, Str text, Str new)
{
    int64_t copied = 0;
    for (int64_t from = 0; from <= text.length;) {
        RegexResult result = regex_find(regex, text, from);
        if (result == REGEX_LIMIT)
            return result;
        Str match;
        if (result == REGEX_NONE || !regex_group(regex, text, 0, &match))
            break;
        int64_t at = match.data - text.data;
        buffer_append(out, text.data + copied, at - copied);
        buffer_append_str(out, new);
        copied = at + match.length;
        from = copied + (match.length == 0);
        /* Never start inside a character. */
        while (from > copied && from < text.length && (text.data[from] & 0xc0) == 0x80)
            from++;
    }
    buffer_append(out, text.data + copied, text.length - copied);
    return REGEX_FOUND;
}

static void regexp_replace_kernel(Call *call)
{
    Patterns patterns = patterns_of(call, false);
    StrArg texts = call_str_arg(call, 0);
    StrArg news = call_str_arg(call, 2);
    Buffer buffer = {0};
    for (int32_t i = 0; i < call->rows.count; i++) {
        int32_t row = selection_row(call->rows, i);
        Regex *regex = patterns_at(&patterns, row, ESCAPE_NONE);
        if (regex == NULL) {
            call_set_null(call, row);
            continue;
        }
        buffer.length = 0;
        Str text = str_arg(&texts, row);
        if (text.length == 0)
            text = STR("");
        if (replace_matches(&buffer, regex, text, str_arg(&news, row)) == REGEX_LIMIT)
            reject_steps(call, row);
        else if (buffer.length > STRING_BYTES_MAX)
            reject_length(call, row);
        else
            call_set_copy(call, row, buffer_str(&buffer));
    }
    buffer_free(&buffer);
}

enum { REGEX_FLAGS = FUNCTION_COSTLY | FUNCTION_FALLIBLE };

static const Function functions[] = {
    {.info = {"LIKE", "pattern", "s LIKE pattern [ESCAPE c] -> BOOLEAN",
              "% is any run of characters, _ one character", false},
     .types = "ss?s>B",
     .bind = bind_like,
     .kernel = like_kernel,
     .prepare = like_prepare},
    {.info = {"SIMILAR TO", "pattern", "s SIMILAR TO pattern [ESCAPE c] -> BOOLEAN",
              "SQL's regular expressions, over the whole text", false},
     .types = "ss?s>B",
     .bind = bind_similar,
     .kernel = similar_kernel,
     .prepare = similar_prepare,
     .flags = REGEX_FLAGS},
    {.info = {"REGEXP", "pattern", "REGEXP(s STRING, regex STRING) -> BOOLEAN",
              "whether the regular expression is found; FALSE if it is not valid", false},
     .types = "ss>B",
     .kernel = regexp_kernel,
     .prepare = regexp_prepare,
     .flags = REGEX_FLAGS},
    {.info = {"REGEXP_EXTRACT", "pattern",
              "REGEXP_EXTRACT(s STRING, regex STRING [, group INT]) -> STRING",
              "the first match, or a group of it; NULL if there is none", false},
     .types = "ss?i>s!",
     .kernel = extract_kernel,
     .prepare = regexp_prepare,
     .flags = REGEX_FLAGS},
    {.info = {"REGEXP_REPLACE", "pattern",
              "REGEXP_REPLACE(s STRING, regex STRING, new STRING) -> STRING",
              "every match replaced; new is taken literally", false},
     .types = "sss>s!",
     .kernel = regexp_replace_kernel,
     .prepare = regexp_prepare,
     .flags = REGEX_FLAGS},
};

const FunctionFamily pattern_family = {functions, FUNCTION_COUNT(functions)};
