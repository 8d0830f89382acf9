/* UPPER and LOWER as Java's String has them: beyond one character for another, some become several
 * (ß is SS), and a sigma at the end of a word has a form of its own. */
#include <stdlib.h>
#include <utf8proc.h>

#include "expr/functions/strings.h"
#include "expr/text.h"

enum {
    SIGMA_CAPITAL = 0x3a3,
    SIGMA_FINAL = 0x3c2,
    I_WITH_DOT = 0x130,
    CASE_BYTES_MAX = 6, /* of what one character becomes */
};

typedef struct Expansion {
    uint32_t code;
    const char *capitals;
} Expansion;

static const Expansion expansions[] = {
#include "expr/functions/casing.inc"
};

static int expansion_order(const void *key, const void *item)
{
    uint32_t code = *(const uint32_t *)key, other = ((const Expansion *)item)->code;
    return code < other ? -1 : code > other;
}

static int32_t upper_put(uint32_t code, char *into)
{
    const Expansion *expansion =
        bsearch(&code, expansions, sizeof expansions / sizeof expansions[0], sizeof expansions[0],
                expansion_order);
    if (expansion == NULL)
        return utf8_encode((uint32_t)utf8proc_toupper((int32_t)code), into);
    int32_t length = (int32_t)strlen(expansion->capitals);
    memcpy(into, expansion->capitals, (size_t)length);
    return length;
}

static bool is_cased(uint32_t code)
{
    utf8proc_category_t category = utf8proc_category((int32_t)code);
    return category == UTF8PROC_CATEGORY_LU || category == UTF8PROC_CATEGORY_LL ||
           category == UTF8PROC_CATEGORY_LT;
}

static bool is_mark(uint32_t code)
{
    utf8proc_category_t category = utf8proc_category((int32_t)code);
    return category == UTF8PROC_CATEGORY_MN || category == UTF8PROC_CATEGORY_ME;
}

/* The sigma at byte `at` stands behind a letter and before none. */
static bool sigma_is_final(Str text, int64_t at, int32_t step)
{
    bool has_before = false;
    for (int64_t i = 0; i < at;) {
        int32_t length;
        uint32_t code = text_code_point(text, i, &length);
        has_before = is_mark(code) ? has_before : is_cased(code);
        i += length;
    }
    for (int64_t i = at + step; has_before && i < text.length;) {
        int32_t length;
        uint32_t code = text_code_point(text, i, &length);
        if (!is_mark(code))
            return !is_cased(code);
        i += length;
    }
    return has_before;
}

static int32_t lower_put(Str text, int64_t at, int32_t step, uint32_t code, char *into)
{
    if (code == SIGMA_CAPITAL && sigma_is_final(text, at, step))
        return utf8_encode(SIGMA_FINAL, into);
    if (code != I_WITH_DOT)
        return utf8_encode((uint32_t)utf8proc_tolower((int32_t)code), into);
    memcpy(into, "i\xcc\x87", 3);
    return 3;
}

static void case_unicode(Call *call, int32_t row, Str text, bool is_upper)
{
    char *into = eval_text_reserve(call->eval, text.length * CASE_BYTES_MAX);
    int64_t length = 0;
    for (int64_t at = 0; at < text.length;) {
        int32_t step;
        uint32_t code = text_code_point(text, at, &step);
        if (step == 1 && (text.data[at] & 0x80) != 0)
            into[length++] = text.data[at]; /* no UTF-8 */
        else if (is_upper)
            length += upper_put(code, into + length);
        else
            length += lower_put(text, at, step, code, into + length);
        at += step;
    }
    call_set_view(call, row, eval_text_take(call->eval, length));
}

/* The letters `first` … `first` + 25 of eight ASCII bytes in the other case, all at once: a byte's
 * high bit tells whether it is at least the first, or more than the last. */
static uint64_t case_word(uint64_t word, char first)
{
    const uint64_t each = 0x0101010101010101U;
    uint64_t low = word & each * 0x7f;
    uint64_t from_first = low + each * (uint64_t)(0x80 - first);
    uint64_t behind_last = low + each * (uint64_t)(0x7f - (first + 25));
    return word ^ ((from_first ^ behind_last) & each * 0x80) >> 2;
}

static void case_ascii(Str text, char *into, char first)
{
    int64_t i = 0;
    for (; i + 8 <= text.length; i += 8) {
        uint64_t word;
        memcpy(&word, text.data + i, sizeof word);
        word = case_word(word, first);
        memcpy(into + i, &word, sizeof word);
    }
    for (; i < text.length; i++) {
        char c = text.data[i];
        into[i] = (char)(c ^ ((c >= first && c <= first + 25) << 5));
    }
}

/* A text that is inline in its view, whose unused bytes are zero and stay so; false if it is not
 * all ASCII. */
static bool case_inline(const StrView *text, char first, StrView *out)
{
    uint32_t prefix;
    uint64_t rest;
    memcpy(&prefix, text->prefix, sizeof prefix);
    memcpy(&rest, text->rest, sizeof rest);
    if (((prefix | rest) & 0x8080808080808080U) != 0)
        return false;
    prefix = (uint32_t)case_word(prefix, first);
    rest = case_word(rest, first);
    out->length = text->length;
    memcpy(out->prefix, &prefix, sizeof prefix);
    memcpy(out->rest, &rest, sizeof rest);
    return true;
}

static void case_texts(Call *call, bool is_upper)
{
    StrArg texts = call_str_arg(call, 0);
    char first = is_upper ? 'a' : 'A';
    for (int32_t i = 0; i < call->rows.count; i++) {
        int32_t row = selection_row(call->rows, i);
        const StrView *view = &texts.values[(int64_t)row * texts.stride];
        if (view->length <= STR_VIEW_INLINE_MAX &&
            case_inline(view, first, (StrView *)call->out.values + row))
            continue;
        Str text = str_view_str(view);
        if (!text_is_ascii(text)) {
            case_unicode(call, row, text, is_upper);
            continue;
        }
        char *into = eval_text_reserve(call->eval, text.length);
        case_ascii(text, into, first);
        call_set_view(call, row, eval_text_take(call->eval, text.length));
    }
}

void upper_kernel(Call *call)
{
    case_texts(call, true);
}

void lower_kernel(Call *call)
{
    case_texts(call, false);
}
