/* JSON_VALUE, JSON_QUERY, JSON_EXISTS and IS JSON: looking into JSON texts.
 *
 * The clauses arrive as arguments, which the planner puts in:
 *     JSON_EXISTS(text, path, on_error)
 *     JSON_VALUE(text, path, on_empty, default, on_error, default [, NULL of the type returned])
 *     JSON_QUERY(text, path, wrapper, on_empty, on_error)
 * Rules are those of Flink's SqlJsonUtils: without `lax` a path that leads nowhere is an error and
 * not an empty result; a scalar where an object is wanted, or the reverse, is an error too. */
#include "data/nested.h"
#include "expr/internal.h"
#include "expr/json/write.h"

static Str row_text(const Call *call, int32_t arg, int32_t row)
{
    const Column *column = &call->args[arg];
    return str_view_str((const StrView *)column->values + column_index(column, row));
}

/* One JSON text after another, with what finding leaves behind. */
typedef struct Reader {
    Call *call;
    const JsonPath *path; /* NULL: not valid */
    bool is_ready;        /* the path is the same for all rows */
    Str last;             /* the path's text, where it comes from a column */
    JsonDocument *document;
    Buffer text;
} Reader;

static void *json_prepare(Arena *arena, const Expr *call)
{
    const Value *path = &call->args[1]->literal;
    JsonPath *compiled = NULL;
    Error error = {0};
    if (call->args[1]->kind != EXPR_LITERAL || path->is_null)
        return NULL;
    return json_path_compile(arena, path->text, &compiled, &error) == OK ? compiled : NULL;
}

static Reader reader_open(Call *call)
{
    return (Reader){.call = call,
                    .path = call->prepared,
                    .is_ready = call->node->expr->args[1]->kind == EXPR_LITERAL,
                    .document = json_document_new()};
}

static bool reader_is_lax(const Reader *reader)
{
    return reader->path != NULL && json_path_is_lax(reader->path);
}

/* The path of a row; one that is not valid is an error of the row, as in Flink. */
static void reader_take_path(Reader *reader, Str text)
{
    if (reader->last.data != NULL && str_equal(reader->last, text))
        return;
    JsonPath *path = NULL;
    Error error = {0};
    Arena *scratch = reader->call->eval->scratch;
    reader->last = str_copy(scratch, text);
    reader->path = json_path_compile(scratch, text, &path, &error) == OK ? path : NULL;
}

static void reader_close(Reader *reader)
{
    json_document_free(reader->document);
    buffer_free(&reader->text);
}

typedef enum LookResult { LOOK_FOUND, LOOK_EMPTY, LOOK_ERROR } LookResult;

/* Follow the path of the row in the text. A JSON null counts as nothing. */
static LookResult reader_look(Reader *reader, int32_t row, JsonFound *found)
{
    JsonElement root;
    if (!reader->is_ready)
        reader_take_path(reader, row_text(reader->call, 1, row));
    if (reader->path == NULL)
        return LOOK_ERROR;
    Str text = row_text(reader->call, 0, row);
    bool is_lax = json_path_is_lax(reader->path);
    if (!json_document_parse(reader->document, text.data, text.length, &root))
        return is_lax ? LOOK_EMPTY : LOOK_ERROR;
    *found = json_path_find(reader->path, root, reader->call->eval->scratch);
    if (found->kind == JSON_FOUND_NOTHING)
        return is_lax ? LOOK_EMPTY : LOOK_ERROR;
    if (found->kind == JSON_FOUND_ELEMENT && json_element_type(found->element) == JSON_NULL)
        return is_lax ? LOOK_EMPTY : LOOK_ERROR;
    return LOOK_FOUND;
}

static bool found_is_scalar(const JsonFound *found)
{
    if (found->kind == JSON_FOUND_INTEGER || found->kind == JSON_FOUND_REAL)
        return true;
    if (found->kind != JSON_FOUND_ELEMENT)
        return false;
    JsonType type = json_element_type(found->element);
    return type != JSON_ARRAY && type != JSON_OBJECT;
}

static void reject_error(Call *call, int32_t row)
{
    call_reject(call, row, "WR4110",
                "%s: there is no such value at the path, and ERROR is asked for",
                call->node->expr->function->info.name);
}

/* ---- JSON_VALUE ------------------------------------------------------------------------ */

static bool found_integer(const JsonFound *found, int64_t *out)
{
    if (found->kind == JSON_FOUND_INTEGER) {
        *out = found->integer;
        return true;
    }
    if (found->kind != JSON_FOUND_ELEMENT || json_element_type(found->element) != JSON_INT)
        return false;
    *out = json_element_int(found->element);
    return true;
}

static bool found_real(const JsonFound *found, double *out)
{
    int64_t integer;
    if (found->kind == JSON_FOUND_REAL)
        *out = found->real;
    else if (found_integer(found, &integer))
        *out = (double)integer;
    else if (found->kind == JSON_FOUND_ELEMENT && json_element_type(found->element) == JSON_REAL)
        *out = json_element_real(found->element);
    else
        return false;
    return true;
}

/* False if the value is not one of the type returned. */
static bool scalar_set_typed(Call *call, int32_t row, const JsonFound *found)
{
    int64_t integer;
    double real;
    switch ((int)call->out.type.id) {
    case TYPE_BOOLEAN:
        if (found->kind != JSON_FOUND_ELEMENT || json_element_type(found->element) != JSON_BOOL)
            return false;
        ((uint8_t *)call->out.values)[row] = json_element_bool(found->element);
        return true;
    case TYPE_INT:
        if (!found_integer(found, &integer) || integer != (int32_t)integer)
            return false;
        ((int32_t *)call->out.values)[row] = (int32_t)integer;
        return true;
    default:
        assert(call->out.type.id == TYPE_DOUBLE);
        if (!found_real(found, &real))
            return false;
        ((double *)call->out.values)[row] = real;
        return true;
    }
}

static void scalar_set(Reader *reader, int32_t row, const JsonFound *found)
{
    Call *call = reader->call;
    if (call->out.physical != PHYSICAL_STRING) {
        if (!scalar_set_typed(call, row, found))
            call_reject(call, row, "WR4111", "JSON_VALUE: the value at the path is not of type %s",
                        type_text(call->eval->scratch, type_nullable(call->out.type)));
        return;
    }
    reader->text.length = 0;
    if (found->kind == JSON_FOUND_ELEMENT)
        json_write_scalar(&reader->text, found->element);
    else
        json_write_found(&reader->text, found, call->eval->scratch);
    call_set_copy(call, row, buffer_str(&reader->text));
}

/* What ON EMPTY or ON ERROR (argument `clause`) says; its default is the argument behind. */
static void scalar_fall_back(Call *call, int32_t row, int32_t clause)
{
    Str behavior = row_text(call, clause, row);
    const Column *fallback = &call->args[clause + 1];
    if (str_is(behavior, "ERROR")) {
        reject_error(call, row);
    } else if (str_is(behavior, "NULL") || column_is_null(fallback, row)) {
        call_set_null(call, row);
    } else {
        int32_t bytes = physical_bytes(call->out.physical);
        memcpy((char *)call->out.values + (int64_t)row * bytes,
               (const char *)fallback->values + (int64_t)column_index(fallback, row) * bytes,
               (size_t)bytes);
    }
}

static void json_value_kernel(Call *call)
{
    enum { ON_EMPTY = 2, ON_ERROR = 4 };
    Reader reader = reader_open(call);
    for (int32_t i = 0; i < call->rows.count; i++) {
        int32_t row = selection_row(call->rows, i);
        if (column_is_null(&call->args[0], row) || column_is_null(&call->args[1], row)) {
            call_set_null(call, row);
            continue;
        }
        JsonFound found = {0};
        LookResult result = reader_look(&reader, row, &found);
        if (result == LOOK_FOUND && !found_is_scalar(&found))
            result = reader_is_lax(&reader) ? LOOK_EMPTY : LOOK_ERROR;
        if (result == LOOK_FOUND)
            scalar_set(&reader, row, &found);
        else
            scalar_fall_back(call, row, result == LOOK_EMPTY ? ON_EMPTY : ON_ERROR);
    }
    reader_close(&reader);
}

/* ---- JSON_QUERY ------------------------------------------------------------------------ */

static void call_set_empty_array(Call *call, int32_t row)
{
    NestedBuilder builder = {0};
    nested_begin(&builder, call->out.type);
    nested_end(&builder);
    call_set_copy(call, row, nested_result(&builder));
    nested_builder_free(&builder);
}

static void query_fall_back(Call *call, int32_t row, int32_t clause)
{
    Str behavior = row_text(call, clause, row);
    if (str_is(behavior, "ERROR"))
        reject_error(call, row);
    else if (str_is(behavior, "EMPTY ARRAY") && call->out.type.id == TYPE_ARRAY)
        call_set_empty_array(call, row);
    else if (str_is(behavior, "EMPTY ARRAY"))
        call_set_str(call, row, STR("[]"));
    else if (str_is(behavior, "EMPTY OBJECT"))
        call_set_str(call, row, STR("{}"));
    else
        call_set_null(call, row);
}

static bool found_is_array(const JsonFound *found)
{
    return found->kind == JSON_FOUND_LIST ||
           (found->kind == JSON_FOUND_ELEMENT && json_element_type(found->element) == JSON_ARRAY);
}

static void query_set_text(Reader *reader, int32_t row, const JsonFound *found, bool is_wrapped)
{
    reader->text.length = 0;
    buffer_append_text(&reader->text, is_wrapped ? "[" : "");
    json_write_found(&reader->text, found, reader->call->eval->scratch);
    buffer_append_text(&reader->text, is_wrapped ? "]" : "");
    call_set_copy(reader->call, row, buffer_str(&reader->text));
}

/* An item of RETURNING ARRAY<STRING>: scalars bare, everything else as JSON. */
static void query_put_item(Reader *reader, NestedBuilder *builder, JsonElement item)
{
    JsonType type = json_element_type(item);
    reader->text.length = 0;
    if (type == JSON_NULL) {
        nested_put_null(builder);
        return;
    }
    if (type == JSON_ARRAY || type == JSON_OBJECT)
        json_write_element(&reader->text, item, reader->call->eval->scratch);
    else
        json_write_scalar(&reader->text, item);
    nested_put_str(builder, buffer_str(&reader->text));
}

static void query_set_array(Reader *reader, NestedBuilder *builder, int32_t row,
                            const JsonFound *found, bool is_wrapped)
{
    Call *call = reader->call;
    nested_begin(builder, call->out.type);
    if (found->kind == JSON_FOUND_LIST && !is_wrapped) {
        for (int32_t i = 0; i < found->count; i++)
            query_put_item(reader, builder, found->items[i]);
    } else if (found->kind == JSON_FOUND_ELEMENT && is_wrapped) {
        query_put_item(reader, builder, found->element);
    } else if (found_is_array(found)) {
        Str key;
        JsonElement item;
        for (JsonChildren items = json_children(found->element); json_next(&items, &key, &item);)
            query_put_item(reader, builder, item);
    } else {
        nested_abandon(builder);
        call_set_null(call, row);
        return;
    }
    nested_end(builder);
    call_set_copy(call, row, nested_result(builder));
}

static void json_query_kernel(Call *call)
{
    enum { WRAPPER = 2, ON_EMPTY, ON_ERROR };
    Reader reader = reader_open(call);
    NestedBuilder builder = {0};
    for (int32_t i = 0; i < call->rows.count; i++) {
        int32_t row = selection_row(call->rows, i);
        if (column_is_null(&call->args[0], row) || column_is_null(&call->args[1], row)) {
            call_set_null(call, row);
            continue;
        }
        JsonFound found = {0};
        LookResult result = reader_look(&reader, row, &found);
        Str wrapper = row_text(call, WRAPPER, row);
        bool is_wrapped = str_is(wrapper, "UNCONDITIONAL") ||
                          (str_is(wrapper, "CONDITIONAL") && !found_is_array(&found));
        if (result == LOOK_FOUND && !is_wrapped && found_is_scalar(&found))
            result = reader_is_lax(&reader) ? LOOK_EMPTY : LOOK_ERROR;
        if (result != LOOK_FOUND) {
            query_fall_back(call, row, result == LOOK_EMPTY ? ON_EMPTY : ON_ERROR);
            continue;
        }
        if (call->out.type.id == TYPE_ARRAY)
            query_set_array(&reader, &builder, row, &found, is_wrapped);
        else
            query_set_text(&reader, row, &found, is_wrapped);
    }
    nested_builder_free(&builder);
    reader_close(&reader);
}

/* ---- JSON_EXISTS ----------------------------------------------------------------------- */

static void json_exists_kernel(Call *call)
{
    enum { ON_ERROR = 2 };
    Reader reader = reader_open(call);
    uint8_t *out = call->out.values;
    for (int32_t i = 0; i < call->rows.count; i++) {
        int32_t row = selection_row(call->rows, i);
        if (column_is_null(&call->args[0], row) || column_is_null(&call->args[1], row)) {
            call_set_null(call, row);
            continue;
        }
        JsonFound found = {0};
        LookResult result = reader_look(&reader, row, &found);
        Str behavior = row_text(call, ON_ERROR, row);
        out[row] = result == LOOK_FOUND || (result == LOOK_ERROR && str_is(behavior, "TRUE"));
        if (result == LOOK_ERROR && str_is(behavior, "UNKNOWN"))
            call_set_null(call, row);
        if (result == LOOK_ERROR && str_is(behavior, "ERROR"))
            reject_error(call, row);
    }
    reader_close(&reader);
}

/* ---- IS JSON --------------------------------------------------------------------------- */

static void is_json_kernel(Call *call)
{
    const char *wanted = call->node->expr->function->info.name + sizeof "IS JSON";
    uint8_t *out = call->out.values;
    JsonDocument *document = json_document_new();
    for (int32_t i = 0; i < call->rows.count; i++) {
        int32_t row = selection_row(call->rows, i);
        JsonElement root;
        bool is_json = false;
        if (!column_is_null(&call->args[0], row)) {
            Str text = row_text(call, 0, row);
            is_json = json_document_parse(document, text.data, text.length, &root);
        }
        JsonType type = is_json ? json_element_type(root) : JSON_NULL;
        if (strcmp(wanted, "OBJECT") == 0)
            is_json = is_json && type == JSON_OBJECT;
        else if (strcmp(wanted, "ARRAY") == 0)
            is_json = is_json && type == JSON_ARRAY;
        else if (strcmp(wanted, "SCALAR") == 0)
            is_json = is_json && type != JSON_OBJECT && type != JSON_ARRAY;
        out[row] = is_json;
    }
    json_document_free(document);
}

/* ---- Binding --------------------------------------------------------------------------- */

static Expr *word(Binding *binding, const char *text)
{
    Str str = str_from(text);
    return expr_literal(
        binding->arena,
        (Value){.type = type_not_null(type_char((int32_t)str.length)), .text = str});
}

static Expr *no_value(Binding *binding, Type type)
{
    return expr_literal(binding->arena, (Value){.type = type_nullable(type), .is_null = true});
}

/* The text and the path; a bad path is a mistake of the query. */
static Status bind_path(Binding *binding)
{
    for (int32_t i = 0; i < 2; i++) {
        Type type = binding->args[i]->type;
        if (type.id == TYPE_NULL)
            binding_cast(binding, i, type_string());
        else if (!type_is_text(type))
            return binding_fail(binding, i, "WR2303", "argument %d of `%s` must be STRING, not %s",
                                i + 1, binding->function->info.name,
                                type_text(binding->arena, type_nullable(type)));
    }
    const Expr *path = binding->args[1];
    JsonPath *compiled;
    if (path->kind != EXPR_LITERAL || path->literal.is_null)
        return OK;
    binding->bad_arg = 1;
    TRY(json_path_compile(binding->arena, path->literal.text, &compiled, binding->error));
    binding->bad_arg = -1;
    return OK;
}

/* Room for all arguments; those not given are the defaults. */
static void binding_extend(Binding *binding, Expr *const *defaults, int32_t count)
{
    Expr **args = ARENA_ARRAY(binding->arena, Expr *, count);
    for (int32_t i = 0; i < count; i++)
        args[i] = i < binding->arg_count ? binding->args[i] : defaults[i];
    binding->args = args;
    binding->arg_count = count;
}

static Status bind_json_value(Binding *binding)
{
    enum { GIVEN_TYPE = 6 };
    TRY(bind_path(binding));
    Type result = binding->arg_count > GIVEN_TYPE ? binding->args[GIVEN_TYPE]->type : type_string();
    if (!type_is_text(result) && result.id != TYPE_BOOLEAN && result.id != TYPE_INT &&
        result.id != TYPE_DOUBLE)
        return binding_fail(binding, -1, "WR2313",
                            "JSON_VALUE can return STRING, BOOLEAN, INTEGER or DOUBLE, not %s",
                            type_text(binding->arena, type_nullable(result)));
    binding->arg_count = binding->arg_count > GIVEN_TYPE ? GIVEN_TYPE : binding->arg_count;
    Expr *defaults[] = {NULL,
                        NULL,
                        word(binding, "NULL"),
                        no_value(binding, result),
                        word(binding, "NULL"),
                        no_value(binding, result)};
    binding_extend(binding, defaults, GIVEN_TYPE);
    for (int32_t i = 3; i < GIVEN_TYPE; i += 2) {
        Type from = binding->args[i]->type;
        if (from.id != TYPE_NULL && cast_kind(from, result) != CAST_IMPLICIT &&
            !type_equal(from, result))
            return binding_fail(binding, i, "WR2303",
                                "the default of JSON_VALUE must be %s, not %s",
                                type_text(binding->arena, type_nullable(result)),
                                type_text(binding->arena, type_nullable(from)));
        binding_cast(binding, i, result);
    }
    binding->result = type_nullable(result);
    return OK;
}

static Status bind_json_query(Binding *binding)
{
    enum { GIVEN_TYPE = 5 };
    TRY(bind_path(binding));
    Type result = binding->arg_count > GIVEN_TYPE ? binding->args[GIVEN_TYPE]->type : type_string();
    bool is_texts = result.id == TYPE_ARRAY && type_is_text(result.children[0]);
    if (!is_texts && !type_is_text(result))
        return binding_fail(binding, -1, "WR2313",
                            "JSON_QUERY can return STRING or ARRAY<STRING>, not %s",
                            type_text(binding->arena, type_nullable(result)));
    binding->arg_count = binding->arg_count > GIVEN_TYPE ? GIVEN_TYPE : binding->arg_count;
    Expr *defaults[] = {NULL, NULL, word(binding, "WITHOUT"), word(binding, "NULL"),
                        word(binding, "NULL")};
    binding_extend(binding, defaults, GIVEN_TYPE);
    if (is_texts && str_is(binding->args[3]->literal.text, "EMPTY OBJECT"))
        return binding_fail(binding, 3, "WR2313", "EMPTY OBJECT is no ARRAY<STRING>");
    if (is_texts && str_is(binding->args[4]->literal.text, "EMPTY OBJECT"))
        return binding_fail(binding, 4, "WR2313", "EMPTY OBJECT is no ARRAY<STRING>");
    binding->result = type_nullable(result);
    return OK;
}

static Status bind_json_exists(Binding *binding)
{
    TRY(bind_path(binding));
    Expr *defaults[] = {NULL, NULL, word(binding, "FALSE")};
    binding_extend(binding, defaults, 3);
    binding->result = type_simple(TYPE_BOOLEAN);
    return OK;
}

/* NULL is no JSON: the answer is never NULL. */
static Status bind_is_json(Binding *binding)
{
    Type type = binding->args[0]->type;
    if (type.id == TYPE_NULL)
        binding_cast(binding, 0, type_string());
    else if (!type_is_text(type))
        return binding_refuse(binding);
    binding->result = type_not_null(type_simple(TYPE_BOOLEAN));
    return OK;
}

#define IS_JSON(what, help_text)                                                                   \
    {                                                                                              \
        .info = {"IS JSON " what, "json", "s IS [NOT] JSON " what " -> BOOLEAN", help_text,        \
                 false},                                                                           \
        .types = "s>B", .bind = bind_is_json, .kernel = is_json_kernel,                            \
        .flags = FUNCTION_NULLS | FUNCTION_COSTLY                                                  \
    }

static const Function functions[] = {
    {.info =
         {"JSON_VALUE", "json",
          "JSON_VALUE(s STRING, path STRING [RETURNING type] [NULL | ERROR | DEFAULT x ON EMPTY] "
          "[... ON ERROR]) -> STRING",
          "the scalar at a path; RETURNING also BOOLEAN, INTEGER or DOUBLE", false},
     .types = "xx?xxxxx>x",
     .bind = bind_json_value,
     .kernel = json_value_kernel,
     .prepare = json_prepare,
     .flags = FUNCTION_NULLS | FUNCTION_FALLIBLE | FUNCTION_COSTLY},
    {.info = {"JSON_QUERY", "json",
              "JSON_QUERY(s STRING, path STRING [WITHOUT | WITH [CONDITIONAL] WRAPPER] "
              "[NULL | ERROR | EMPTY ARRAY | EMPTY OBJECT ON EMPTY] [... ON ERROR]) -> STRING",
              "the object or array at a path, as JSON with its keys in order", false},
     .types = "xx?xxxx>x",
     .bind = bind_json_query,
     .kernel = json_query_kernel,
     .prepare = json_prepare,
     .flags = FUNCTION_NULLS | FUNCTION_FALLIBLE | FUNCTION_COSTLY},
    {.info = {"JSON_EXISTS", "json",
              "JSON_EXISTS(s STRING, path STRING [TRUE | FALSE | UNKNOWN | ERROR ON ERROR]) -> "
              "BOOLEAN",
              "whether the path leads to something that is not null", false},
     .types = "xx?x>x",
     .bind = bind_json_exists,
     .kernel = json_exists_kernel,
     .prepare = json_prepare,
     .flags = FUNCTION_NULLS | FUNCTION_FALLIBLE | FUNCTION_COSTLY},
    IS_JSON("VALUE", "whether the text is JSON; VALUE may be left out"),
    IS_JSON("SCALAR", "whether the text is a JSON string, number, true, false or null"),
    IS_JSON("ARRAY", "whether the text is a JSON array"),
    IS_JSON("OBJECT", "whether the text is a JSON object"),
};

const FunctionFamily json_family = {functions, FUNCTION_COUNT(functions)};
