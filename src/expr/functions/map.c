/* Maps: their keys, values and entries, maps from arrays, maps put together, texts cut. */
#include "expr/functions/collection.h"
#include "expr/regex.h"
#include "expr/text.h"

/* ---- From maps to arrays --------------------------------------------------------------- */

static void keys_kernel(Call *call)
{
    bool is_keys = strcmp(call->node->expr->function->info.name, "MAP_KEYS") == 0;
    NestedBuilder builder = {0};
    for (int32_t i = 0; i < call->rows.count; i++) {
        int32_t row = selection_row(call->rows, i);
        NestedMap map = call_map(call, 0, row);
        const NestedArray *array = is_keys ? &map.keys : &map.values;
        nested_begin(&builder, call->out.type);
        for (int32_t k = 0; k < array->count; k++)
            nested_put_element(&builder, array, k);
        call_set_built(call, row, &builder);
    }
    nested_builder_free(&builder);
}

static Status bind_keys(Binding *binding)
{
    TRY(binding_map(binding, 0));
    Type map = binding->args[0]->type;
    bool is_keys = strcmp(binding->function->info.name, "MAP_KEYS") == 0;
    binding->result = type_array(binding->arena, map.children[is_keys ? 0 : 1]);
    binding->result.is_nullable = map.is_nullable;
    return OK;
}

static void entries_kernel(Call *call)
{
    NestedBuilder builder = {0};
    for (int32_t i = 0; i < call->rows.count; i++) {
        int32_t row = selection_row(call->rows, i);
        NestedMap map = call_map(call, 0, row);
        nested_begin(&builder, call->out.type);
        for (int32_t k = 0; k < map.keys.count; k++) {
            nested_begin(&builder, call->out.type.children[0]);
            nested_put_element(&builder, &map.keys, k);
            nested_put_element(&builder, &map.values, k);
            nested_end(&builder);
        }
        call_set_built(call, row, &builder);
    }
    nested_builder_free(&builder);
}

static Status bind_entries(Binding *binding)
{
    TRY(binding_map(binding, 0));
    Type map = binding->args[0]->type;
    Type *fields = ARENA_ARRAY(binding->arena, Type, 2);
    Str *names = ARENA_ARRAY(binding->arena, Str, 2);
    fields[0] = map.children[0];
    fields[1] = map.children[1];
    names[0] = STR("key");
    names[1] = STR("value");
    binding->result = type_array(binding->arena, type_row(fields, names, 2));
    binding->result.is_nullable = map.is_nullable;
    return OK;
}

/* ---- To maps --------------------------------------------------------------------------- */

static void from_arrays_kernel(Call *call)
{
    NestedBuilder builder = {0};
    for (int32_t i = 0; i < call->rows.count; i++) {
        int32_t row = selection_row(call->rows, i);
        NestedArray keys = call_array(call, 0, row);
        NestedArray values = call_array(call, 1, row);
        if (keys.count != values.count) {
            call_reject(call, row, "WR4109", "MAP_FROM_ARRAYS of %d keys and %d values", keys.count,
                        values.count);
            continue;
        }
        nested_begin(&builder, call->out.type);
        for (int32_t k = 0; k < keys.count; k++) {
            nested_put_element(&builder, &keys, k);
            nested_put_element(&builder, &values, k);
        }
        call_set_built(call, row, &builder);
    }
    nested_builder_free(&builder);
}

static Status bind_from_arrays(Binding *binding)
{
    Type key, value;
    TRY(binding_array(binding, 0, &key));
    TRY(binding_array(binding, 1, &value));
    binding->result = type_map(binding->arena, key, value);
    binding->result.is_nullable = binding_any_nullable(binding);
    return OK;
}

static void map_union_kernel(Call *call)
{
    NestedBuilder builder = {0};
    for (int32_t i = 0; i < call->rows.count; i++) {
        int32_t row = selection_row(call->rows, i);
        nested_begin(&builder, call->out.type);
        for (int32_t k = 0; k < call->node->arg_count; k++) {
            NestedMap map = call_map(call, k, row);
            for (int32_t e = 0; e < map.keys.count; e++) {
                nested_put_element(&builder, &map.keys, e);
                nested_put_element(&builder, &map.values, e);
            }
        }
        call_set_built(call, row, &builder);
    }
    nested_builder_free(&builder);
}

static Status bind_map_union(Binding *binding)
{
    Type common;
    for (int32_t i = 0; i < binding->arg_count; i++)
        if (binding->args[i]->type.id != TYPE_NULL)
            TRY(binding_map(binding, i));
    TRY(binding_unify(binding, 0, "the maps", &common));
    binding->result = common;
    binding->result.is_nullable = binding_any_nullable(binding);
    return OK;
}

/* ---- STR_TO_MAP ------------------------------------------------------------------------ */

/* A separator as Java's String.split takes it: a regular expression, or an invalid one. */
static Regex *call_separator(const Call *call, int32_t index, int32_t row, Str fallback)
{
    Str pattern = fallback;
    if (index < call->node->arg_count)
        pattern = column_str(&call->args[index], row);
    return regex_compile(call->eval->scratch, pattern);
}

/* Both separators of one row. */
typedef struct PairSplit {
    Regex *between; /* the pairs */
    Regex *inside;  /* a key and its value */
    NestedBuilder *builder;
} PairSplit;

/* The next match that takes bytes, or at the start of the text would cut off nothing. */
static bool separator_find(Regex *separator, Str text, int64_t from, Str *match)
{
    if (from > text.length || regex_find(separator, text, from) != REGEX_FOUND)
        return false;
    return regex_group(separator, text, 0, match);
}

static void split_pair(const PairSplit *split, Str pair)
{
    Str match;
    int64_t from = 0;
    bool is_found = separator_find(split->inside, pair, from, &match);
    if (is_found && match.length == 0 && match.data == pair.data && pair.length > 0)
        is_found = separator_find(split->inside, pair, utf8_step((uint8_t)pair.data[0]), &match);
    if (!is_found || (match.length == 0 && match.data == pair.data + pair.length)) {
        nested_put_str(split->builder, pair);
        nested_put_null(split->builder);
        return;
    }
    const char *value = match.data + match.length;
    nested_put_str(split->builder, str_make(pair.data, match.data - pair.data));
    nested_put_str(split->builder, str_make(value, pair.data + pair.length - value));
}

/* Empty texts at the end are no pairs; `empty` counts those that may be at the end. */
static void split_text(const PairSplit *split, Str text)
{
    int64_t start = 0, from = 0, empty = 0;
    for (bool is_last = false; !is_last;) {
        Str match;
        is_last = !separator_find(split->between, text, from, &match);
        int64_t end = is_last ? text.length : match.data - text.data;
        bool is_nothing = !is_last && match.length == 0 && (end == 0 || end == text.length);
        int64_t next = is_last ? end : end + match.length;
        if (!is_nothing) {
            if (end == start)
                empty++;
            for (; end > start && empty > 0; empty--)
                split_pair(split, (Str){.data = ""});
            if (end > start)
                split_pair(split, str_make(text.data + start, end - start));
            start = next;
        }
        from = next;
        if (!is_last && match.length == 0)
            from += next < text.length ? utf8_step((uint8_t)text.data[next]) : 1;
    }
}

static void str_to_map_kernel(Call *call)
{
    NestedBuilder builder = {0};
    bool has_constants = true;
    for (int32_t k = 1; k < call->node->arg_count; k++)
        has_constants = has_constants && call->args[k].is_constant;
    PairSplit split = {.builder = &builder};
    for (int32_t i = 0; i < call->rows.count; i++) {
        int32_t row = selection_row(call->rows, i);
        if (i == 0 || !has_constants) {
            split.between = call_separator(call, 1, row, STR(","));
            split.inside = call_separator(call, 2, row, STR("="));
        }
        if (split.between == NULL || split.inside == NULL) {
            call_reject(call, row, "WR4109", "a separator of STR_TO_MAP is no regular expression");
            continue;
        }
        Str text = column_str(&call->args[0], row);
        nested_begin(&builder, call->out.type);
        if (text.length > 0)
            split_text(&split, text);
        call_set_built(call, row, &builder);
    }
    nested_builder_free(&builder);
}

/* Arguments that are all texts. */
static Status binding_texts(Binding *binding)
{
    for (int32_t i = 0; i < binding->arg_count; i++) {
        Type type = binding->args[i]->type;
        if (!type_is_text(type) && type.id != TYPE_NULL)
            return binding_fail(binding, i, "WR2303", "argument %d of `%s` must be STRING, not %s",
                                i + 1, binding->function->info.name,
                                type_text(binding->arena, type_nullable(type)));
        if (type.id == TYPE_NULL)
            binding_cast(binding, i, type_string());
    }
    return OK;
}

static Status bind_str_to_map(Binding *binding)
{
    if (binding->arg_count == 2)
        return binding_fail(binding, -1, "WR2302",
                            "`STR_TO_MAP` takes a text, or a text and two separators");
    TRY(binding_texts(binding));
    binding->result = type_map(binding->arena, type_string(), type_string());
    return OK;
}

/* ---- SPLIT ----------------------------------------------------------------------------- */

static void split_characters(NestedBuilder *builder, Str text)
{
    for (int64_t at = 0; at < text.length;) {
        int64_t step = utf8_step((uint8_t)text.data[at]);
        if (step > text.length - at)
            step = text.length - at;
        nested_put_str(builder, str_make(text.data + at, step));
        at += step;
    }
}

static void split_kernel(Call *call)
{
    NestedBuilder builder = {0};
    for (int32_t i = 0; i < call->rows.count; i++) {
        int32_t row = selection_row(call->rows, i);
        Str text = column_str(&call->args[0], row);
        Str separator = column_str(&call->args[1], row);
        nested_begin(&builder, call->out.type);
        if (separator.length == 0) {
            split_characters(&builder, text);
        } else if (text.length > 0) {
            for (int64_t at; (at = str_find(text, separator)) >= 0;) {
                nested_put_str(&builder, str_make(text.data, at));
                at += separator.length;
                text = str_make(text.data + at, text.length - at);
            }
            nested_put_str(&builder, text);
        }
        call_set_built(call, row, &builder);
    }
    nested_builder_free(&builder);
}

static Status bind_split(Binding *binding)
{
    TRY(binding_texts(binding));
    binding->result = type_array(binding->arena, type_string());
    binding->result.is_nullable = binding_any_nullable(binding);
    return OK;
}

static const Function functions[] = {
    {.info = {"MAP_KEYS", "collection", "MAP_KEYS(map) -> ARRAY<type of the key>",
              "the keys as an array", false},
     .types = "x>0",
     .bind = bind_keys,
     .kernel = keys_kernel},
    {.info = {"MAP_VALUES", "collection", "MAP_VALUES(map) -> ARRAY<type of the value>",
              "the values as an array, in the order of MAP_KEYS", false},
     .types = "x>0",
     .bind = bind_keys,
     .kernel = keys_kernel},
    {.info = {"MAP_ENTRIES", "collection", "MAP_ENTRIES(map) -> ARRAY<ROW<key, value>>",
              "the entries as rows", false},
     .types = "x>0",
     .bind = bind_entries,
     .kernel = entries_kernel},
    {.info = {"MAP_FROM_ARRAYS", "collection",
              "MAP_FROM_ARRAYS(keys array, values array) -> MAP<key, value>",
              "the i-th key with the i-th value; arrays of two lengths reject the row", false},
     .types = "xx>0",
     .bind = bind_from_arrays,
     .kernel = from_arrays_kernel,
     .flags = FUNCTION_FALLIBLE},
    {.info = {"MAP_UNION", "collection", "MAP_UNION(map, ...) -> common type",
              "the entries of all; of a key that comes twice the last value is kept", false},
     .types = "x*>0",
     .bind = bind_map_union,
     .kernel = map_union_kernel},
    {.info = {"STR_TO_MAP", "collection",
              "STR_TO_MAP(s STRING [, pair_separator STRING, key_separator STRING]) -> "
              "MAP<STRING, STRING>",
              "'a=1,b=2' as a map; the separators are regular expressions, , and = by default",
              false},
     .types = "x?xx>0",
     .bind = bind_str_to_map,
     .kernel = str_to_map_kernel,
     .flags = FUNCTION_COSTLY | FUNCTION_FALLIBLE},
    {.info = {"SPLIT", "collection", "SPLIT(s STRING, separator STRING) -> ARRAY<STRING>",
              "the parts between separators; the characters if the separator is empty", false},
     .types = "xx>0",
     .bind = bind_split,
     .kernel = split_kernel},
};

const FunctionFamily map_family = {functions, FUNCTION_COUNT(functions)};
