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

static void case_ascii(Str text, char *into, char first, char last)
{
    for (int64_t i = 0; i < text.length; i++) {
        char c = text.data[i];
        into[i] = (char)(c ^ ((c >= first && c <= last) << 5));
    }
}

static void case_texts(Call *call, bool is_upper)
{
    StrArg texts = call_str_arg(call, 0);
    for (int32_t i = 0; i < call->rows.count; i++) {
        int32_t row = selection_row(call->rows, i);
        Str text = str_arg(&texts, row);
        if (!text_is_ascii(text)) {
            case_unicode(call, row, text, is_upper);
            continue;
        }
        char *into = eval_text_reserve(call->eval, text.length);
        case_ascii(text, into, is_upper ? 'a' : 'A', is_upper ? 'z' : 'Z');
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
