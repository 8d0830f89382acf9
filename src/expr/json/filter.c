/* Filters of JSON paths: ?(@.price < 10 && @.isbn). */
#include <assert.h>

#include <stdlib.h>

#include "base/buffer.h"
#include "expr/json/path_internal.h"

typedef enum FilterKind {
    FILTER_OR,
    FILTER_AND,
    FILTER_NOT,
    FILTER_EXISTS,
    FILTER_COMPARE,
    FILTER_MATCHES,
    FILTER_IN,
} FilterKind;

typedef enum OperandKind {
    OPERAND_PATH, /* from the element, or from the root */
    OPERAND_NULL,
    OPERAND_BOOL,
    OPERAND_NUMBER,
    OPERAND_STRING,
    OPERAND_OTHER,   /* an array or object that was found */
    OPERAND_MISSING, /* a path that leads nowhere */
} OperandKind;

typedef struct Operand {
    OperandKind kind;
    const JsonPath *path;
    bool is_from_root;
    bool truth;
    double number;
    Str text;
} Operand;

typedef enum Comparison { EQUAL, NOT_EQUAL, LESS, LESS_EQUAL, GREATER, GREATER_EQUAL } Comparison;

struct Filter {
    FilterKind kind;
    const Filter *left, *right; /* OR, AND; NOT: left */
    Operand a, b;
    Comparison comparison;
    Regex *regex;
    const Operand *list; /* IN */
    int32_t list_count;
    bool is_negated; /* nin */
};

/* ---- Reading --------------------------------------------------------------------------- */

static Status read_or(PathReader *reader, const Filter **out);

static Status read_number(PathReader *reader, Operand *operand)
{
    char digits[64];
    int32_t length = 0;
    while (length < (int32_t)sizeof digits - 1 && path_peek(reader) != '\0' &&
           strchr("+-.eE0123456789", path_peek(reader)) != NULL) {
        digits[length++] = path_peek(reader);
        reader->at++;
    }
    digits[length] = '\0';
    char *end = digits;
    operand->kind = OPERAND_NUMBER;
    operand->number = strtod(digits, &end);
    return length > 0 && *end == '\0' ? OK : path_fail(reader, "a value or `@` is expected");
}

static Status read_operand(PathReader *reader, Operand *operand)
{
    *operand = (Operand){0};
    path_skip_spaces(reader);
    char c = path_peek(reader);
    if (c == '@' || c == '$') {
        JsonPath *path = ARENA_NEW(reader->arena, JsonPath);
        reader->at++;
        operand->kind = OPERAND_PATH;
        operand->is_from_root = c == '$';
        operand->path = path;
        return path_read_steps(reader, path);
    }
    if (c == '\'' || c == '"') {
        operand->kind = OPERAND_STRING;
        return path_read_quoted(reader, &operand->text);
    }
    if (path_accept(reader, "true") || path_accept(reader, "false")) {
        operand->kind = OPERAND_BOOL;
        operand->truth = reader->text.data[reader->at - 2] == 'u';
        return OK;
    }
    if (path_accept(reader, "null"))
        return operand->kind = OPERAND_NULL, OK;
    return read_number(reader, operand);
}

/* /pattern/i */
static Status read_regex(PathReader *reader, Filter *filter)
{
    path_skip_spaces(reader);
    if (!path_accept(reader, "/"))
        return path_fail(reader, "a pattern in slashes is expected");
    Buffer pattern = {0};
    while (path_peek(reader) != '/' && path_peek(reader) != '\0') {
        if (path_accept(reader, "\\/"))
            buffer_append_char(&pattern, '/');
        else
            buffer_append_char(&pattern, reader->text.data[reader->at++]);
    }
    bool is_closed = path_accept(reader, "/");
    bool ignores_case = is_closed && path_accept(reader, "i");
    char *text = arena_printf(reader->arena, "%s%s", ignores_case ? "(?i)" : "",
                              buffer_terminated(&pattern));
    buffer_free(&pattern);
    filter->kind = FILTER_MATCHES;
    filter->regex = is_closed ? regex_compile(reader->arena, str_from(text)) : NULL;
    return filter->regex != NULL ? OK : path_fail(reader, "the pattern is not valid");
}

static Status read_list(PathReader *reader, Filter *filter)
{
    enum { LIST_MAX = 100 };
    path_skip_spaces(reader);
    if (!path_accept(reader, "["))
        return path_fail(reader, "a list in brackets is expected");
    Operand *list = ARENA_ARRAY(reader->arena, Operand, LIST_MAX);
    filter->kind = FILTER_IN;
    filter->list = list;
    do {
        if (filter->list_count == LIST_MAX)
            return path_fail(reader, "the list is too long");
        TRY(read_operand(reader, &list[filter->list_count++]));
        path_skip_spaces(reader);
    } while (path_accept(reader, ","));
    return path_accept(reader, "]") ? OK : path_fail(reader, "`]` is expected");
}

static Status read_comparison(PathReader *reader, const Filter **out)
{
    static const struct {
        const char *sign;
        Comparison comparison;
    } signs[] = {{"==", EQUAL}, {"!=", NOT_EQUAL},     {"<=", LESS_EQUAL},
                 {"<", LESS},   {">=", GREATER_EQUAL}, {">", GREATER}};
    Filter *filter = ARENA_NEW(reader->arena, Filter);
    *out = filter;
    TRY(read_operand(reader, &filter->a));
    path_skip_spaces(reader);
    if (path_accept(reader, "=~"))
        return read_regex(reader, filter);
    if (path_accept(reader, "in "))
        return read_list(reader, filter);
    if (path_accept(reader, "nin ")) {
        filter->is_negated = true;
        return read_list(reader, filter);
    }
    for (size_t i = 0; i < sizeof signs / sizeof signs[0]; i++) {
        if (!path_accept(reader, signs[i].sign))
            continue;
        filter->kind = FILTER_COMPARE;
        filter->comparison = signs[i].comparison;
        return read_operand(reader, &filter->b);
    }
    filter->kind = FILTER_EXISTS;
    return filter->a.kind == OPERAND_PATH ? OK : path_fail(reader, "a comparison is expected");
}

static Status read_unary(PathReader *reader, const Filter **out)
{
    path_skip_spaces(reader);
    if (path_accept(reader, "!")) {
        Filter *filter = ARENA_NEW(reader->arena, Filter);
        filter->kind = FILTER_NOT;
        *out = filter;
        if (++reader->depth > JSON_FILTER_DEPTH_MAX)
            return path_fail(reader, "filters are nested too deep");
        TRY(read_unary(reader, &filter->left));
        reader->depth--;
        return OK;
    }
    if (!path_accept(reader, "("))
        return read_comparison(reader, out);
    TRY(read_or(reader, out));
    return path_accept(reader, ")") ? OK : path_fail(reader, "`)` is expected");
}

static Status read_and(PathReader *reader, const Filter **out)
{
    TRY(read_unary(reader, out));
    path_skip_spaces(reader);
    while (path_accept(reader, "&&")) {
        Filter *filter = ARENA_NEW(reader->arena, Filter);
        filter->kind = FILTER_AND;
        filter->left = *out;
        TRY(read_unary(reader, &filter->right));
        *out = filter;
        path_skip_spaces(reader);
    }
    return OK;
}

static Status read_or(PathReader *reader, const Filter **out)
{
    if (++reader->depth > JSON_FILTER_DEPTH_MAX)
        return path_fail(reader, "filters are nested too deep");
    TRY(read_and(reader, out));
    while (path_accept(reader, "||")) {
        Filter *filter = ARENA_NEW(reader->arena, Filter);
        filter->kind = FILTER_OR;
        filter->left = *out;
        TRY(read_and(reader, &filter->right));
        *out = filter;
    }
    reader->depth--;
    path_skip_spaces(reader);
    return OK;
}

Status filter_read(PathReader *reader, const Filter **out)
{
    return read_or(reader, out);
}

/* ---- Judging --------------------------------------------------------------------------- */

static Operand operand_of_element(JsonElement element)
{
    switch (json_element_type(element)) {
    case JSON_NULL: return (Operand){.kind = OPERAND_NULL};
    case JSON_BOOL: return (Operand){.kind = OPERAND_BOOL, .truth = json_element_bool(element)};
    case JSON_INT:
        return (Operand){.kind = OPERAND_NUMBER, .number = (double)json_element_int(element)};
    case JSON_UNSIGNED:
        return (Operand){.kind = OPERAND_NUMBER, .number = (double)json_element_unsigned(element)};
    case JSON_REAL: return (Operand){.kind = OPERAND_NUMBER, .number = json_element_real(element)};
    case JSON_STRING:
        return (Operand){.kind = OPERAND_STRING, .text = json_element_string(element)};
    case JSON_ARRAY:
    case JSON_OBJECT: break;
    }
    return (Operand){.kind = OPERAND_OTHER};
}

static Operand operand_value(const Operand *operand, JsonElement element, JsonElement root,
                             Arena *arena)
{
    if (operand->kind != OPERAND_PATH)
        return *operand;
    JsonFound found = json_path_find(operand->path, operand->is_from_root ? root : element, arena);
    switch (found.kind) {
    case JSON_FOUND_ELEMENT: return operand_of_element(found.element);
    case JSON_FOUND_INTEGER:
        return (Operand){.kind = OPERAND_NUMBER, .number = (double)found.integer};
    case JSON_FOUND_REAL: return (Operand){.kind = OPERAND_NUMBER, .number = found.real};
    case JSON_FOUND_LIST:
    case JSON_FOUND_MEMBERS: return (Operand){.kind = OPERAND_OTHER};
    case JSON_FOUND_NOTHING: break;
    }
    return (Operand){.kind = OPERAND_MISSING};
}

static bool operands_equal(const Operand *a, const Operand *b)
{
    if (a->kind != b->kind)
        return false;
    switch (a->kind) {
    case OPERAND_NULL: return true;
    case OPERAND_BOOL: return a->truth == b->truth;
    case OPERAND_NUMBER: return a->number == b->number;
    case OPERAND_STRING: return str_equal(a->text, b->text);
    case OPERAND_PATH:
    case OPERAND_OTHER:
    case OPERAND_MISSING: break;
    }
    return false;
}

/* Numbers with numbers and texts with texts have an order; everything else is not so. */
static bool operands_compare(Comparison comparison, const Operand *a, const Operand *b)
{
    if (comparison == EQUAL || comparison == NOT_EQUAL)
        return operands_equal(a, b) == (comparison == EQUAL);
    if (a->kind != b->kind || (a->kind != OPERAND_NUMBER && a->kind != OPERAND_STRING))
        return false;
    double order =
        a->kind == OPERAND_NUMBER ? a->number - b->number : str_compare(a->text, b->text);
    switch (comparison) {
    case LESS: return order < 0;
    case LESS_EQUAL: return order <= 0;
    case GREATER: return order > 0;
    case GREATER_EQUAL: return order >= 0;
    case EQUAL:
    case NOT_EQUAL: break;
    }
    return false;
}

static bool list_has(const Filter *filter, const Operand *value, JsonElement element,
                     JsonElement root, Arena *arena)
{
    for (int32_t i = 0; i < filter->list_count; i++) {
        Operand item = operand_value(&filter->list[i], element, root, arena);
        if (operands_equal(&item, value))
            return true;
    }
    return false;
}

bool filter_accepts(const Filter *filter, JsonElement element, JsonElement root, Arena *arena)
{
    switch (filter->kind) {
    case FILTER_OR:
        return filter_accepts(filter->left, element, root, arena) ||
               filter_accepts(filter->right, element, root, arena);
    case FILTER_AND:
        return filter_accepts(filter->left, element, root, arena) &&
               filter_accepts(filter->right, element, root, arena);
    case FILTER_NOT: return !filter_accepts(filter->left, element, root, arena);
    case FILTER_EXISTS:
    case FILTER_COMPARE:
    case FILTER_MATCHES:
    case FILTER_IN: break;
    }
    Operand a = operand_value(&filter->a, element, root, arena);
    if (filter->kind == FILTER_EXISTS)
        return a.kind != OPERAND_MISSING;
    if (filter->kind == FILTER_IN)
        return list_has(filter, &a, element, root, arena) != filter->is_negated;
    if (filter->kind == FILTER_MATCHES) {
        Str whole;
        return a.kind == OPERAND_STRING && regex_find(filter->regex, a.text, 0) == REGEX_FOUND &&
               regex_group(filter->regex, a.text, 0, &whole) && whole.length == a.text.length;
    }
    Operand b = operand_value(&filter->b, element, root, arena);
    return operands_compare(filter->comparison, &a, &b);
}
