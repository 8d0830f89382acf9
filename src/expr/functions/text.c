/* Looking into texts: lengths, positions, parts, letter case, classes of characters. */
#include "expr/text.h"

#include <utf8proc.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "expr/cast/cast.h"
#include "expr/functions/strings.h"

enum { LONG_DIGITS = 19 };

/* ---- Lengths and positions ------------------------------------------------------------- */

static void char_length_kernel(Call *call)
{
    StrArg texts = call_str_arg(call, 0);
    int32_t *out = call->out.values;
    for (int32_t i = 0; i < call->rows.count; i++) {
        int32_t row = selection_row(call->rows, i);
        out[row] = (int32_t)text_length(str_arg(&texts, row));
    }
}

/* 1-based position of `part` in `text` at or behind character `from` (0-based); 0 if none. */
static int32_t text_position(Str text, Str part, int64_t from)
{
    int64_t start = text_offset(text, from);
    int64_t found = str_find(str_make(text.data + start, text.length - start), part);
    if (found < 0)
        return 0;
    return (int32_t)text_length(str_make(text.data, start + found)) + 1;
}

static void find_texts(Call *call, int32_t text_index, int32_t part_index)
{
    StrArg texts = call_str_arg(call, text_index);
    StrArg parts = call_str_arg(call, part_index);
    bool has_from = call->node->arg_count == 3;
    IntArg froms = has_from ? call_int_arg(call, 2) : (IntArg){0};
    int32_t *out = call->out.values;
    for (int32_t i = 0; i < call->rows.count; i++) {
        int32_t row = selection_row(call->rows, i);
        Str text = str_arg(&texts, row);
        Str part = str_arg(&parts, row);
        int64_t from = has_from ? int_arg(&froms, row) - 1 : 0;
        if (from < 0 || part.length == 0) /* as Flink: from the start, and nothing is at it */
            from = 0;
        out[row] = from > text_length(text) ? 0 : text_position(text, part, from);
    }
}

static void position_kernel(Call *call)
{
    find_texts(call, 1, 0);
}

static void instr_kernel(Call *call)
{
    find_texts(call, 0, 1);
}

/* ---- SPLIT_INDEX ----------------------------------------------------------------------- */

/* A bit for each of up to 16 bytes that is `byte`. */
static uint32_t marks_of(const char *bytes, int64_t count, char byte)
{
#ifdef __SSE2__
    char block[16] = {0};
    if (count < 16)
        bytes = memcpy(block, bytes, (size_t)count);
    __m128i equal = _mm_cmpeq_epi8(_mm_loadu_si128((const __m128i *)bytes), _mm_set1_epi8(byte));
    return (uint32_t)_mm_movemask_epi8(equal) & (count < 16 ? (1U << count) - 1 : 0xffff);
#else
    uint32_t marks = 0;
    for (int64_t i = 0; i < count; i++)
        marks |= (uint32_t)(bytes[i] == byte) << i;
    return marks;
#endif
}

/* Parts are short: a call of memchr for each took three quarters of the time. */
static bool split_part_at_byte(Str text, char separator, int64_t index, Str *part)
{
    int64_t start = 0;
    for (int64_t block = 0; block < text.length; block += 16) {
        int64_t count = text.length - block < 16 ? text.length - block : 16;
        for (uint32_t marks = marks_of(text.data + block, count, separator); marks != 0;
             marks &= marks - 1) {
            int64_t at = block + __builtin_ctz(marks);
            if (index-- == 0) {
                *part = str_make(text.data + start, at - start);
                return true;
            }
            start = at + 1;
        }
    }
    *part = str_make(text.data + start, text.length - start);
    return index == 0;
}

/* Where the separator, which is not one byte, stands next, and its bytes; -1 if nowhere. An empty
 * one is white space, as in Java's library. */
static int64_t find_separator(Str text, Str separator, int64_t *length)
{
    *length = separator.length > 0 ? separator.length : 1;
    if (separator.length > 1)
        return str_find(text, separator);
    for (int64_t i = 0; i < text.length; i++)
        if (strchr(" \t\n\r\f\v", text.data[i]) != NULL && text.data[i] != 0)
            return i;
    return -1;
}

static bool split_part(Str text, Str separator, int64_t index, Str *part)
{
    if (index < 0 || text.length == 0)
        return false;
    if (separator.length == 1)
        return split_part_at_byte(text, separator.data[0], index, part);
    for (;; index--) {
        int64_t length;
        int64_t at = find_separator(text, separator, &length);
        if (index == 0) {
            *part = str_make(text.data, at < 0 ? text.length : at);
            return true;
        }
        if (at < 0)
            return false;
        text = str_make(text.data + at + length, text.length - at - length);
    }
}

static void split_index_kernel(Call *call)
{
    StrArg texts = call_str_arg(call, 0);
    StrArg separators = call_str_arg(call, 1);
    IntArg indexes = call_int_arg(call, 2);
    for (int32_t i = 0; i < call->rows.count; i++) {
        int32_t row = selection_row(call->rows, i);
        Str part;
        if (split_part(str_arg(&texts, row), str_arg(&separators, row), int_arg(&indexes, row),
                       &part))
            call_set_str(call, row, part);
        else
            call_set_null(call, row);
    }
}

/* The separator may be given as a character's code. */
static Status bind_split_index(Binding *binding)
{
    if (type_is_integer(binding->args[1]->type)) {
        Expr *code[] = {binding->args[1]};
        TRY(bind_named(binding->arena, "CHR", code, 1, &binding->args[1], binding->error));
    }
    bool is_ok = type_is_text(binding->args[0]->type) && type_is_text(binding->args[1]->type) &&
                 type_is_integer(binding->args[2]->type);
    if (!is_ok)
        return binding_refuse(binding);
    binding_cast(binding, 2, type_simple(TYPE_BIGINT));
    binding->result = type_string();
    return OK;
}

/* ---- REPLACE --------------------------------------------------------------------------- */

/* Java's: an empty `from` stands between all characters and at both ends. */
static void replace_empty(Buffer *out, Str text, Str to)
{
    buffer_append_str(out, to);
    for (int64_t at = 0; at < text.length;) {
        int32_t step;
        (void)text_code_point(text, at, &step);
        buffer_append(out, text.data + at, step);
        buffer_append_str(out, to);
        at += step;
    }
}

static void replace_all(Buffer *out, Str text, Str from, Str to)
{
    for (int64_t at = 0;;) {
        Str rest = str_make(text.data + at, text.length - at);
        int64_t found = str_find(rest, from);
        if (found < 0) {
            buffer_append_str(out, rest);
            return;
        }
        buffer_append(out, rest.data, found);
        buffer_append_str(out, to);
        at += found + from.length;
    }
}

static void replace_kernel(Call *call)
{
    StrArg texts = call_str_arg(call, 0);
    StrArg froms = call_str_arg(call, 1);
    StrArg tos = call_str_arg(call, 2);
    Buffer buffer = {0};
    for (int32_t i = 0; i < call->rows.count; i++) {
        int32_t row = selection_row(call->rows, i);
        Str text = str_arg(&texts, row);
        Str from = str_arg(&froms, row);
        if (from.length > 0 && str_find(text, from) < 0) {
            call_set_str(call, row, text);
            continue;
        }
        buffer.length = 0;
        if (from.length == 0)
            replace_empty(&buffer, text, str_arg(&tos, row));
        else
            replace_all(&buffer, text, from, str_arg(&tos, row));
        if (buffer.length > STRING_BYTES_MAX)
            reject_length(call, row);
        else
            call_set_copy(call, row, buffer_str(&buffer));
    }
    buffer_free(&buffer);
}

/* ---- Letter case ----------------------------------------------------------------------- */

static void initcap_kernel(Call *call)
{
    StrArg texts = call_str_arg(call, 0);
    for (int32_t i = 0; i < call->rows.count; i++) {
        int32_t row = selection_row(call->rows, i);
        Str text = str_arg(&texts, row);
        char *into = eval_text_reserve(call->eval, text.length);
        bool is_inside = false;
        for (int64_t k = 0; k < text.length; k++) {
            char c = text.data[k];
            bool is_lower = c >= 'a' && c <= 'z';
            bool is_upper = c >= 'A' && c <= 'Z';
            into[k] = (is_inside && is_upper) || (!is_inside && is_lower) ? (char)(c ^ 0x20) : c;
            is_inside = is_lower || is_upper || (c >= '0' && c <= '9');
        }
        call_set_view(call, row, eval_text_take(call->eval, text.length));
    }
}

/* ---- Characters ------------------------------------------------------------------------ */

static void ascii_kernel(Call *call)
{
    StrArg texts = call_str_arg(call, 0);
    int32_t *out = call->out.values;
    for (int32_t i = 0; i < call->rows.count; i++) {
        int32_t row = selection_row(call->rows, i);
        Str text = str_arg(&texts, row);
        out[row] = text.length == 0 ? 0 : (int8_t)text.data[0];
    }
}

static void chr_kernel(Call *call)
{
    IntArg codes = call_int_arg(call, 0);
    for (int32_t i = 0; i < call->rows.count; i++) {
        int32_t row = selection_row(call->rows, i);
        int64_t code = int_arg(&codes, row);
        char *into = eval_text_reserve(call->eval, 4);
        int32_t length = code < 0 ? 0 : utf8_encode((uint32_t)code & 0xff, into);
        call_set_view(call, row, eval_text_take(call->eval, length));
    }
}

static Status bind_chr(Binding *binding)
{
    if (!type_is_integer(binding->args[0]->type) && binding->args[0]->type.id != TYPE_NULL)
        return binding_refuse(binding);
    binding_cast(binding, 0, type_simple(TYPE_BIGINT));
    binding->result = type_char(1);
    binding->result.is_nullable = binding_any_nullable(binding);
    return OK;
}

static bool is_letter(uint32_t code)
{
    utf8proc_category_t category = utf8proc_category((int32_t)code);
    return category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_LO;
}

static bool is_digit(uint32_t code)
{
    return utf8proc_category((int32_t)code) == UTF8PROC_CATEGORY_ND;
}

static bool all_characters(Str text, bool (*test)(uint32_t code))
{
    for (int64_t at = 0; at < text.length;) {
        int32_t step;
        if (!test(text_code_point(text, at, &step)))
            return false;
        at += step;
    }
    return text.length > 0;
}

/* What Java takes for an int, a long or a double. */
static bool is_number(Str text)
{
    double ignored;
    if (text_to_real(str_trim(text), &ignored))
        return true;
    bool has_sign = text.length > 1 && (text.data[0] == '-' || text.data[0] == '+');
    Str digits = has_sign ? str_make(text.data + 1, text.length - 1) : text;
    return text_length(digits) < LONG_DIGITS && all_characters(digits, is_digit);
}

static void class_kernel(Call *call)
{
    StrArg texts = call_str_arg(call, 0);
    const char *name = call->node->expr->function->info.name;
    uint8_t *out = call->out.values;
    for (int32_t i = 0; i < call->rows.count; i++) {
        int32_t row = selection_row(call->rows, i);
        Str text = str_arg(&texts, row);
        if (column_is_null(&call->args[0], row))
            out[row] = false;
        else if (name[3] == 'A')
            out[row] = all_characters(text, is_letter);
        else if (name[4] == 'I')
            out[row] = all_characters(text, is_digit);
        else
            out[row] = is_number(text);
    }
}

static const Function functions[] = {
    {.info = {"CHAR_LENGTH", "string", "CHAR_LENGTH(s STRING) -> INT", "the number of characters",
              false},
     .types = "s>I",
     .kernel = char_length_kernel},
    {.info = {"CHARACTER_LENGTH", "string", "CHARACTER_LENGTH(s STRING) -> INT", "CHAR_LENGTH",
              false},
     .types = "s>I",
     .kernel = char_length_kernel},
    {.info = {"POSITION", "string", "POSITION(part IN s) -> INT",
              "where part starts, from 1 on; 0 if nowhere", false},
     .types = "ss>I",
     .kernel = position_kernel},
    {.info = {"LOCATE", "string", "LOCATE(part STRING, s STRING [, from INT]) -> INT",
              "where part starts, at from or behind; 0 if nowhere", false},
     .types = "ss?i>I",
     .kernel = position_kernel},
    {.info = {"INSTR", "string", "INSTR(s STRING, part STRING) -> INT",
              "where part starts, from 1 on; 0 if nowhere", false},
     .types = "ss>I",
     .kernel = instr_kernel},
    {.info = {"SPLIT_INDEX", "string", "SPLIT_INDEX(s STRING, separator STRING, i INT) -> STRING",
              "the i-th part, from 0 on; NULL if there is none", false},
     .types = "sxi>s",
     .bind = bind_split_index,
     .kernel = split_index_kernel},
    {.info = {"REPLACE", "string", "REPLACE(s STRING, from STRING, to STRING) -> STRING",
              "every from replaced, literally", false},
     .types = "sss>s",
     .kernel = replace_kernel,
     .flags = FUNCTION_FALLIBLE},
    {.info = {"UPPER", "string", "UPPER(s STRING) -> type of s", "capital letters", false},
     .types = "s>0",
     .kernel = upper_kernel},
    {.info = {"LOWER", "string", "LOWER(s STRING) -> type of s", "small letters", false},
     .types = "s>0",
     .kernel = lower_kernel},
    {.info = {"INITCAP", "string", "INITCAP(s STRING) -> type of s",
              "each word with a capital first letter", false},
     .types = "s>0",
     .kernel = initcap_kernel},
    {.info = {"ASCII", "string", "ASCII(s STRING) -> INT", "the first byte, -128 to 127; 0 of ''",
              false},
     .types = "s>I",
     .kernel = ascii_kernel},
    {.info = {"CHR", "string", "CHR(n INT) -> STRING", "the character with the code n modulo 256",
              false},
     .types = "i>s",
     .bind = bind_chr,
     .kernel = chr_kernel},
    {.info = {"IS_ALPHA", "string", "IS_ALPHA(s STRING) -> BOOLEAN", "letters only; FALSE of NULL",
              false},
     .types = "s>B",
     .kernel = class_kernel,
     .flags = FUNCTION_NULLS},
    {.info = {"IS_DIGIT", "string", "IS_DIGIT(s STRING) -> BOOLEAN", "digits only; FALSE of NULL",
              false},
     .types = "s>B",
     .kernel = class_kernel,
     .flags = FUNCTION_NULLS},
    {.info = {"IS_DECIMAL", "string", "IS_DECIMAL(s STRING) -> BOOLEAN",
              "what Java reads as a number; FALSE of NULL", false},
     .types = "s>B",
     .kernel = class_kernel,
     .flags = FUNCTION_NULLS},
};

const FunctionFamily text_family = {functions, FUNCTION_COUNT(functions)};
