/* Making and cutting texts: concatenation, substrings, padding, trimming. Positions are
 * 1-based and count code points. Results borrow the argument's bytes where they can. */
#include "expr/functions/strings.h"
#include "expr/text.h"

void reject_length(Call *call, int32_t row)
{
    call_reject(call, row, "WR4105", "the result of %s is longer than %lld bytes",
                call->node->expr->function->info.name, (long long)STRING_BYTES_MAX);
}

/* ---- CONCAT, ||, CONCAT_WS ------------------------------------------------------------- */

static void concat_kernel(Call *call)
{
    int32_t count = call->node->arg_count;
    StrArg *args = arena_allocate(call->eval->scratch, (int64_t)sizeof(StrArg) * count);
    for (int32_t k = 0; k < count; k++)
        args[k] = call_str_arg(call, k);
    for (int32_t i = 0; i < call->rows.count; i++) {
        int32_t row = selection_row(call->rows, i);
        int64_t length = 0;
        for (int32_t k = 0; k < count; k++)
            length += str_arg(&args[k], row).length;
        if (length > STRING_BYTES_MAX) {
            reject_length(call, row);
            continue;
        }
        char *into = eval_text_reserve(call->eval, length);
        for (int32_t k = 0; k < count; k++) {
            Str part = str_arg(&args[k], row);
            if (part.length > 0)
                memcpy(into, part.data, (size_t)part.length);
            into += part.length;
        }
        call_set_view(call, row, eval_text_take(call->eval, length));
    }
}

/* A NULL separator gives NULL, other NULLs are left out. */
static void concat_ws_kernel(Call *call)
{
    int32_t count = call->node->arg_count;
    Buffer buffer = {0};
    for (int32_t i = 0; i < call->rows.count; i++) {
        int32_t row = selection_row(call->rows, i);
        if (column_is_null(&call->args[0], row)) {
            call_set_null(call, row);
            continue;
        }
        StrArg separator = call_str_arg(call, 0);
        bool is_first = true;
        buffer.length = 0;
        for (int32_t k = 1; k < count; k++) {
            if (column_is_null(&call->args[k], row))
                continue;
            StrArg part = call_str_arg(call, k);
            if (!is_first)
                buffer_append_str(&buffer, str_arg(&separator, row));
            buffer_append_str(&buffer, str_arg(&part, row));
            is_first = false;
        }
        call_set_copy(call, row, buffer_str(&buffer));
    }
    buffer_free(&buffer);
}

static Status bind_concat_ws(Binding *binding)
{
    for (int32_t i = 0; i < binding->arg_count; i++) {
        Type type = binding->args[i]->type;
        if (type.id != TYPE_NULL && !type_is_text(type))
            return binding_fail(binding, i, "WR2303", "argument %d of `CONCAT_WS` must be STRING",
                                i + 1);
        binding_cast(binding, i, type_string());
    }
    binding->result = type_string();
    binding->result.is_nullable = binding->args[0]->type.is_nullable;
    return OK;
}

/* ---- SUBSTRING, LEFT, RIGHT, OVERLAY --------------------------------------------------- */

/* `count` characters from `start` (0-based, inside the text). */
static Str text_slice(Str text, int64_t start, int64_t count)
{
    int64_t from = text_offset(text, start);
    Str rest = str_make(text.data + from, text.length - from);
    return text_head(rest, count);
}

static void substring_kernel(Call *call)
{
    StrArg texts = call_str_arg(call, 0);
    IntArg starts = call_int_arg(call, 1);
    bool has_count = call->node->arg_count == 3;
    IntArg counts = has_count ? call_int_arg(call, 2) : (IntArg){0};
    for (int32_t i = 0; i < call->rows.count; i++) {
        int32_t row = selection_row(call->rows, i);
        Str text = str_arg(&texts, row);
        int64_t start = int_arg(&starts, row);
        int64_t count = has_count ? int_arg(&counts, row) : text.length;
        if (count < 0) {
            call_set_null(call, row);
            continue;
        }
        if (start < 0)
            start += text_length(text);
        else if (start > 0)
            start--;
        if (start < 0 || start >= text.length)
            call_set_str(call, row, STR(""));
        else
            call_set_str(call, row, text_slice(text, start, count));
    }
}

static void left_kernel(Call *call)
{
    StrArg texts = call_str_arg(call, 0);
    IntArg counts = call_int_arg(call, 1);
    for (int32_t i = 0; i < call->rows.count; i++) {
        int32_t row = selection_row(call->rows, i);
        int64_t count = int_arg(&counts, row);
        call_set_str(call, row, text_head(str_arg(&texts, row), count < 0 ? 0 : count));
    }
}

static void right_kernel(Call *call)
{
    StrArg texts = call_str_arg(call, 0);
    IntArg counts = call_int_arg(call, 1);
    for (int32_t i = 0; i < call->rows.count; i++) {
        int32_t row = selection_row(call->rows, i);
        Str text = str_arg(&texts, row);
        int64_t count = int_arg(&counts, row);
        int64_t length = text_length(text);
        count = count < 0 ? 0 : count > length ? length : count;
        call_set_str(call, row, text_slice(text, length - count, count));
    }
}

/* As Flink does it: the tail follows only if something of the text is left behind it. */
static void overlay_kernel(Call *call)
{
    StrArg texts = call_str_arg(call, 0);
    StrArg news = call_str_arg(call, 1);
    IntArg starts = call_int_arg(call, 2);
    bool has_count = call->node->arg_count == 4;
    IntArg counts = has_count ? call_int_arg(call, 3) : (IntArg){0};
    for (int32_t i = 0; i < call->rows.count; i++) {
        int32_t row = selection_row(call->rows, i);
        Str text = str_arg(&texts, row);
        Str new = str_arg(&news, row);
        int64_t start = int_arg(&starts, row);
        int64_t length = text_length(text);
        int64_t count = has_count ? int_arg(&counts, row) : text_length(new);
        if (start <= 0 || start > length) {
            call_set_str(call, row, text);
            continue;
        }
        Str head = text_head(text, start - 1);
        Str tail = STR("");
        if (count > 0 && count <= length - start)
            tail = text_slice(text, start - 1 + count, length);
        int64_t bytes = head.length + new.length + tail.length;
        char *into = eval_text_reserve(call->eval, bytes);
        memcpy(into, head.data, (size_t)head.length);
        if (new.length > 0)
            memcpy(into + head.length, new.data, (size_t) new.length);
        memcpy(into + head.length + new.length, tail.data, (size_t)tail.length);
        call_set_view(call, row, eval_text_take(call->eval, bytes));
    }
}

/* ---- TRIM ------------------------------------------------------------------------------ */

static bool contains_character(Str set, Str character)
{
    return str_find(set, character) >= 0;
}

static Str trim_leading(Str text, Str set)
{
    while (text.length > 0) {
        int32_t step;
        (void)text_code_point(text, 0, &step);
        if (!contains_character(set, str_make(text.data, step)))
            break;
        text = str_make(text.data + step, text.length - step);
    }
    return text;
}

static Str trim_trailing(Str text, Str set)
{
    while (text.length > 0) {
        int64_t start = text.length - 1;
        while (start > 0 && text.length - start < 4 && (text.data[start] & 0xc0) == 0x80)
            start--;
        int32_t step;
        (void)text_code_point(text, start, &step);
        if (start + step != text.length)
            start = text.length - 1;
        Str last = str_make(text.data + start, text.length - start);
        if (!contains_character(set, last))
            break;
        text.length = start;
    }
    return text;
}

typedef struct TrimSides {
    bool is_leading, is_trailing;
} TrimSides;

static void trim_texts(Call *call, int32_t text_index, int32_t set_index, TrimSides sides)
{
    StrArg texts = call_str_arg(call, text_index);
    StrArg sets = set_index >= 0 ? call_str_arg(call, set_index) : (StrArg){0};
    for (int32_t i = 0; i < call->rows.count; i++) {
        int32_t row = selection_row(call->rows, i);
        Str text = str_arg(&texts, row);
        Str set = set_index >= 0 ? str_arg(&sets, row) : STR(" ");
        if (sides.is_leading)
            text = trim_leading(text, set);
        if (sides.is_trailing)
            text = trim_trailing(text, set);
        call_set_str(call, row, text);
    }
}

static void trim_kernel(Call *call)
{
    if (call->node->arg_count == 1) {
        trim_texts(call, 0, -1, (TrimSides){true, true});
        return;
    }
    Str side = call->node->expr->args[0]->literal.text;
    TrimSides sides = {.is_leading = !str_equal_ignoring_case(side, STR("TRAILING")),
                       .is_trailing = !str_equal_ignoring_case(side, STR("LEADING"))};
    trim_texts(call, 2, 1, sides);
}

static void ltrim_kernel(Call *call)
{
    trim_texts(call, 0, call->node->arg_count == 2 ? 1 : -1, (TrimSides){true, false});
}

static void rtrim_kernel(Call *call)
{
    trim_texts(call, 0, call->node->arg_count == 2 ? 1 : -1, (TrimSides){false, true});
}

/* TRIM(s) or TRIM(side, characters, s). */
static Status bind_trim(Binding *binding)
{
    if (binding->arg_count == 2)
        return binding_fail(binding, -1, "WR2302", "write TRIM([BOTH] characters FROM text)");
    for (int32_t i = 0; i < binding->arg_count; i++) {
        Type type = binding->args[i]->type;
        if (type.id != TYPE_NULL && !type_is_text(type))
            return binding_refuse(binding);
        binding_cast(binding, i, type.id == TYPE_NULL ? type_string() : type);
    }
    if (binding->arg_count == 3 && binding->args[0]->kind != EXPR_LITERAL)
        return binding_fail(binding, 0, "WR2306", "the side of TRIM is not a literal");
    binding->result = type_string();
    binding->result.is_nullable = binding_any_nullable(binding);
    return OK;
}

/* ---- LPAD, RPAD, REPEAT ---------------------------------------------------------------- */

/* Copy `count` characters of the endless repetition of `pad`; returns the bytes. */
static int64_t write_padding(char *into, Str pad, int64_t pad_length, int64_t count)
{
    int64_t bytes = 0;
    for (; count > 0; count -= pad_length) {
        Str part = count < pad_length ? text_head(pad, count) : pad;
        memcpy(into + bytes, part.data, (size_t)part.length);
        bytes += part.length;
    }
    return bytes;
}

static void pad_texts(Call *call, bool is_left)
{
    StrArg texts = call_str_arg(call, 0);
    IntArg lengths = call_int_arg(call, 1);
    StrArg pads = call_str_arg(call, 2);
    for (int32_t i = 0; i < call->rows.count; i++) {
        int32_t row = selection_row(call->rows, i);
        Str pad = str_arg(&pads, row);
        int64_t length = int_arg(&lengths, row);
        if (length < 0 || pad.length == 0) {
            call_set_null(call, row);
            continue;
        }
        Str text = text_head(str_arg(&texts, row), length);
        int64_t missing = length - text_length(text);
        int64_t pad_length = text_length(pad);
        if (missing > STRING_BYTES_MAX ||
            (missing / pad_length + 1) * pad.length + text.length > STRING_BYTES_MAX) {
            reject_length(call, row);
            continue;
        }
        char *into =
            eval_text_reserve(call->eval, (missing / pad_length + 1) * pad.length + text.length);
        int64_t bytes = is_left ? write_padding(into, pad, pad_length, missing) : 0;
        if (text.length > 0)
            memcpy(into + bytes, text.data, (size_t)text.length);
        bytes += text.length;
        if (!is_left)
            bytes += write_padding(into + bytes, pad, pad_length, missing);
        call_set_view(call, row, eval_text_take(call->eval, bytes));
    }
}

static void lpad_kernel(Call *call)
{
    pad_texts(call, true);
}

static void rpad_kernel(Call *call)
{
    pad_texts(call, false);
}

static void repeat_kernel(Call *call)
{
    StrArg texts = call_str_arg(call, 0);
    IntArg counts = call_int_arg(call, 1);
    for (int32_t i = 0; i < call->rows.count; i++) {
        int32_t row = selection_row(call->rows, i);
        Str text = str_arg(&texts, row);
        int64_t count = int_arg(&counts, row);
        count = count < 0 || text.length == 0 ? 0 : count;
        if (count > 0 && count > STRING_BYTES_MAX / text.length) {
            reject_length(call, row);
            continue;
        }
        char *into = eval_text_reserve(call->eval, count * text.length);
        for (int64_t k = 0; k < count; k++)
            memcpy(into + k * text.length, text.data, (size_t)text.length);
        call_set_view(call, row, eval_text_take(call->eval, count * text.length));
    }
}

static void reverse_kernel(Call *call)
{
    StrArg texts = call_str_arg(call, 0);
    for (int32_t i = 0; i < call->rows.count; i++) {
        int32_t row = selection_row(call->rows, i);
        Str text = str_arg(&texts, row);
        char *into = eval_text_reserve(call->eval, text.length);
        for (int64_t at = 0; at < text.length;) {
            int32_t step;
            (void)text_code_point(text, at, &step);
            memcpy(into + text.length - at - step, text.data + at, (size_t)step);
            at += step;
        }
        call_set_view(call, row, eval_text_take(call->eval, text.length));
    }
}

/* As long as both, and of fixed length if both are. */
static Status bind_bars(Binding *binding)
{
    TRY(binding_by_types(binding));
    Type a = binding->args[0]->type, b = binding->args[1]->type;
    int64_t length = (int64_t)a.precision + b.precision;
    int32_t precision = length > TYPE_LENGTH_MAX ? TYPE_LENGTH_MAX : (int32_t)length;
    bool is_char = a.id == TYPE_CHAR && b.id == TYPE_CHAR;
    binding->result = is_char ? type_char(precision) : type_varchar(precision);
    binding->result.is_nullable = binding_any_nullable(binding);
    return OK;
}

static const Function functions[] = {
    {.info = {"||", "string", "a || b -> CHAR or VARCHAR as long as both",
              "one text behind the other", false},
     .types = "ss>s",
     .bind = bind_bars,
     .kernel = concat_kernel,
     .flags = FUNCTION_FALLIBLE},
    {.info = {"CONCAT", "string", "CONCAT(a STRING, ...) -> STRING",
              "all texts in a row; NULL if one is NULL", false},
     .types = "s*>s",
     .kernel = concat_kernel,
     .flags = FUNCTION_FALLIBLE},
    {.info = {"CONCAT_WS", "string", "CONCAT_WS(separator STRING, a STRING, ...) -> STRING",
              "texts with a separator between; those that are NULL are left out", false},
     .types = "s?s*>s",
     .bind = bind_concat_ws,
     .kernel = concat_ws_kernel,
     .flags = FUNCTION_NULLS},
    {.info = {"SUBSTRING", "string", "SUBSTRING(s STRING, from INT [, count INT]) -> STRING",
              "from 1 on, negative from the end; NULL if count is negative", false},
     .types = "si?i>s!",
     .kernel = substring_kernel},
    {.info = {"SUBSTR", "string", "SUBSTR(s STRING, from INT [, count INT]) -> STRING", "SUBSTRING",
              false},
     .types = "si?i>s!",
     .kernel = substring_kernel},
    {.info = {"LEFT", "string", "LEFT(s STRING, n INT) -> STRING", "the first n characters", false},
     .types = "si>s",
     .kernel = left_kernel},
    {.info = {"RIGHT", "string", "RIGHT(s STRING, n INT) -> STRING", "the last n characters",
              false},
     .types = "si>s",
     .kernel = right_kernel},
    {.info = {"OVERLAY", "string", "OVERLAY(s PLACING new FROM start [FOR count]) -> STRING",
              "s with count characters replaced", false},
     .types = "ssi?i>s",
     .kernel = overlay_kernel},
    {.info = {"TRIM", "string", "TRIM([[BOTH|LEADING|TRAILING] [characters] FROM] s) -> STRING",
              "s without those characters, spaces by default, at its ends", false},
     .types = "s?ss>s",
     .bind = bind_trim,
     .kernel = trim_kernel},
    {.info = {"LTRIM", "string", "LTRIM(s STRING [, characters STRING]) -> STRING",
              "TRIM at the front", false},
     .types = "s?s>s",
     .kernel = ltrim_kernel},
    {.info = {"RTRIM", "string", "RTRIM(s STRING [, characters STRING]) -> STRING",
              "TRIM at the end", false},
     .types = "s?s>s",
     .kernel = rtrim_kernel},
    {.info = {"LPAD", "string", "LPAD(s STRING, n INT, pad STRING) -> STRING",
              "s filled at the front to n characters, or cut to them", false},
     .types = "sis>s!",
     .kernel = lpad_kernel,
     .flags = FUNCTION_FALLIBLE},
    {.info = {"RPAD", "string", "RPAD(s STRING, n INT, pad STRING) -> STRING",
              "s filled at the end to n characters, or cut to them", false},
     .types = "sis>s!",
     .kernel = rpad_kernel,
     .flags = FUNCTION_FALLIBLE},
    {.info = {"REPEAT", "string", "REPEAT(s STRING, n INT) -> STRING", "s, n times", false},
     .types = "si>s",
     .kernel = repeat_kernel,
     .flags = FUNCTION_FALLIBLE},
    {.info = {"REVERSE", "string", "REVERSE(s STRING) -> STRING", "the characters backwards",
              false},
     .types = "s>s",
     .kernel = reverse_kernel},
};

const FunctionFamily string_family = {functions, FUNCTION_COUNT(functions)};
