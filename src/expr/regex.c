/* Regular expressions over PCRE2. */
#include "expr/regex.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <assert.h>
#include <pcre2.h>

#include "base/buffer.h"

enum {
    MATCH_STEPS_MAX = 1000000, /* before a match is given up */
    MATCH_DEPTH_MAX = 100000,
    MATCH_HEAP_KB_MAX = 20000,
};

struct Regex {
    pcre2_code *code;
    pcre2_match_data *match;
    pcre2_match_context *limits;
    bool is_fast;
};

/* Memory comes from the arena and dies with it. */
static void *regex_allocate(size_t bytes, void *arena)
{
    return arena_allocate(arena, (int64_t)bytes);
}

static void regex_release(void *pointer, void *arena)
{
    (void)pointer;
    (void)arena;
}

static Regex *regex_new(Arena *arena, Str pattern, uint32_t options)
{
    pcre2_general_context *memory =
        pcre2_general_context_create(regex_allocate, regex_release, arena);
    pcre2_compile_context *context = pcre2_compile_context_create(memory);
    int code;
    size_t offset;
    options |= PCRE2_UTF | PCRE2_MATCH_INVALID_UTF;
    Regex *regex = ARENA_NEW(arena, Regex);
    const char *data = pattern.length == 0 ? "" : pattern.data;
    regex->code =
        pcre2_compile((PCRE2_SPTR)data, (size_t)pattern.length, options, &code, &offset, context);
    if (regex->code == NULL)
        return NULL;
    regex->match = pcre2_match_data_create_from_pattern(regex->code, memory);
    regex->limits = pcre2_match_context_create(memory);
    pcre2_set_match_limit(regex->limits, MATCH_STEPS_MAX);
    pcre2_set_depth_limit(regex->limits, MATCH_DEPTH_MAX);
    pcre2_set_heap_limit(regex->limits, MATCH_HEAP_KB_MAX);
    return regex;
}

/* ---- Java ------------------------------------------------------------------------------ */

/* Java's \p{Name} for a POSIX class, or NULL. */
static const char *posix_class(Str name)
{
    static const char *const names[][2] = {
        {"Lower", "lower"}, {"Upper", "upper"}, {"Alpha", "alpha"},   {"Digit", "digit"},
        {"Alnum", "alnum"}, {"Punct", "punct"}, {"Graph", "graph"},   {"Print", "print"},
        {"Blank", "blank"}, {"Cntrl", "cntrl"}, {"XDigit", "xdigit"}, {"Space", "space"},
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (str_is(name, names[i][0]))
            return names[i][1];
    return NULL;
}

/* \p{Alpha} or \P{Alpha} at the front of `text`: writes its translation and returns its bytes,
 * or 0 if it is something else. */
static int64_t java_class(Buffer *out, Str text, bool is_in_class)
{
    if (text.length < 4 || (text.data[1] != 'p' && text.data[1] != 'P') || text.data[2] != '{')
        return 0;
    const char *end = memchr(text.data, '}', (size_t)text.length);
    if (end == NULL)
        return 0;
    const char *name = posix_class(str_make(text.data + 3, end - text.data - 3));
    if (name == NULL)
        return 0;
    bool is_negated = text.data[1] == 'P';
    buffer_printf(out, is_in_class ? "[:%s%s:]" : "[[:%s%s:]]", is_negated ? "^" : "", name);
    return end + 1 - text.data;
}

Regex *regex_compile(Arena *arena, Str pattern)
{
    Buffer out = {0};
    bool is_in_class = false;
    for (int64_t i = 0; i < pattern.length;) {
        char c = pattern.data[i];
        if (c == '\\' && i + 1 < pattern.length) {
            Str rest = str_make(pattern.data + i, pattern.length - i);
            int64_t taken = java_class(&out, rest, is_in_class);
            if (taken == 0) {
                buffer_append(&out, rest.data, 2);
                taken = 2;
            }
            i += taken;
            continue;
        }
        if (c == '[')
            is_in_class = true;
        else if (c == ']')
            is_in_class = false;
        buffer_append_char(&out, c);
        i++;
    }
    Regex *regex = regex_new(arena, buffer_str(&out), 0);
    buffer_free(&out);
    return regex;
}

/* ---- SIMILAR TO ------------------------------------------------------------------------ */

Regex *regex_compile_similar(Arena *arena, Str pattern, int escape)
{
    Buffer out = {0};
    bool is_in_class = false;
    buffer_append_text(&out, "\\A(?:");
    for (int64_t i = 0; i < pattern.length; i++) {
        char c = pattern.data[i];
        bool is_escaped = escape >= 0 && c == (char)escape && i + 1 < pattern.length;
        if (is_escaped)
            c = pattern.data[++i];
        if (is_in_class && !is_escaped) {
            is_in_class = c != ']' || (i > 0 && pattern.data[i - 1] == ':');
            if (c == '\\')
                buffer_append_char(&out, '\\');
            buffer_append_char(&out, c);
        } else if (!is_escaped && c == '%') {
            buffer_append_text(&out, ".*");
        } else if (!is_escaped && c == '_') {
            buffer_append_char(&out, '.');
        } else {
            bool is_special = strchr("\\.^$", c) != NULL;
            bool is_operator = strchr("|*+?{}()[]", c) != NULL;
            if (c != 0 && (is_special || (is_escaped && is_operator)))
                buffer_append_char(&out, '\\');
            buffer_append_char(&out, c);
            is_in_class = c == '[' && !is_escaped;
        }
    }
    buffer_append_text(&out, ")\\z");
    Regex *regex = regex_new(arena, buffer_str(&out), PCRE2_DOTALL);
    buffer_free(&out);
    return regex;
}

/* ---- Matching -------------------------------------------------------------------------- */

void regex_make_fast(Regex *regex)
{
    if (!regex->is_fast)
        (void)pcre2_jit_compile(regex->code, PCRE2_JIT_COMPLETE);
    regex->is_fast = true;
}

RegexResult regex_find(Regex *regex, Str text, int64_t from)
{
    assert(from >= 0 && from <= text.length);
    PCRE2_SPTR data = (PCRE2_SPTR)(text.length == 0 ? "" : text.data);
    int found = pcre2_match(regex->code, data, (size_t)text.length, (size_t)from, 0, regex->match,
                            regex->limits);
    /* The fast way has a small stack of its own; the slow one has the limits above. */
    if (found == PCRE2_ERROR_JIT_STACKLIMIT)
        found = pcre2_match(regex->code, data, (size_t)text.length, (size_t)from, PCRE2_NO_JIT,
                            regex->match, regex->limits);
    if (found == PCRE2_ERROR_NOMATCH)
        return REGEX_NONE;
    return found < 0 ? REGEX_LIMIT : REGEX_FOUND;
}

bool regex_group(const Regex *regex, Str text, int64_t group, Str *out)
{
    if (group < 0 || group >= (int64_t)pcre2_get_ovector_count(regex->match))
        return false;
    const size_t *ends = pcre2_get_ovector_pointer(regex->match) + 2 * group;
    *out = (Str){0};
    if (ends[0] != PCRE2_UNSET && ends[0] <= ends[1])
        *out = str_make(text.data + ends[0], (int64_t)(ends[1] - ends[0]));
    return true;
}
