/* Text helpers. */
#include "base/str.h"

#include <assert.h>

static char fold(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

int str_compare(Str a, Str b)
{
    int64_t shorter = a.length < b.length ? a.length : b.length;
    int order = shorter > 0 ? memcmp(a.data, b.data, (size_t)shorter) : 0;
    if (order != 0)
        return order;
    return a.length < b.length ? -1 : a.length > b.length;
}

bool str_equal_ignoring_case(Str a, Str b)
{
    if (a.length != b.length)
        return false;
    for (int64_t i = 0; i < a.length; i++)
        if (fold(a.data[i]) != fold(b.data[i]))
            return false;
    return true;
}

bool str_has_prefix(Str str, Str prefix)
{
    return str.length >= prefix.length && str_equal(str_make(str.data, prefix.length), prefix);
}

bool str_has_suffix(Str str, Str suffix)
{
    return str.length >= suffix.length &&
           str_equal(str_make(str.data + (str.length - suffix.length), suffix.length), suffix);
}

int64_t str_find(Str haystack, Str needle)
{
    if (needle.length == 0)
        return 0;
    if (haystack.length < needle.length)
        return -1;
    const char *hit =
        memmem(haystack.data, (size_t)haystack.length, needle.data, (size_t)needle.length);
    return hit == NULL ? -1 : hit - haystack.data;
}

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

Str str_trim(Str str)
{
    while (str.length > 0 && is_space(str.data[0])) {
        str.data++;
        str.length--;
    }
    while (str.length > 0 && is_space(str.data[str.length - 1]))
        str.length--;
    return str;
}

Str str_split(Str str, char separator, Str *rest)
{
    const char *hit = str.length > 0 ? memchr(str.data, separator, (size_t)str.length) : NULL;
    if (hit == NULL) {
        *rest = (Str){0};
        return str;
    }
    int64_t before = hit - str.data;
    *rest = str_make(hit + 1, str.length - before - 1);
    return str_make(str.data, before);
}

Str str_copy(Arena *arena, Str str)
{
    char *copy = arena_allocate(arena, str.length + 1);
    if (str.length > 0)
        memcpy(copy, str.data, (size_t)str.length);
    copy[str.length] = '\0';
    return str_make(copy, str.length);
}

const char *str_terminated(Arena *arena, Str str)
{
    return str_copy(arena, str).data;
}

Str str_to_lower(Arena *arena, Str str)
{
    Str copy = str_copy(arena, str);
    char *bytes = (char *)(uintptr_t)copy.data;
    for (int64_t i = 0; i < copy.length; i++)
        bytes[i] = fold(bytes[i]);
    return copy;
}

bool str_parse_int64(Str str, int64_t *out)
{
    int64_t i = 0;
    bool is_negative = false;
    if (str.length > 0 && (str.data[0] == '-' || str.data[0] == '+')) {
        is_negative = str.data[0] == '-';
        i = 1;
    }
    if (i == str.length)
        return false;
    int64_t value = 0;
    for (; i < str.length; i++) {
        if (str.data[i] < '0' || str.data[i] > '9')
            return false;
        int64_t digit = str.data[i] - '0';
        if (__builtin_mul_overflow(value, (int64_t)10, &value) ||
            __builtin_sub_overflow(value, digit, &value))
            return false;
    }
    if (!is_negative && value == INT64_MIN)
        return false;
    *out = is_negative ? value : -value;
    return true;
}

enum { EDIT_TEXT_BYTES_MAX = 64 };

static int min_of(int a, int b)
{
    return a < b ? a : b;
}

int str_edit_distance(Str a, Str b, int limit)
{
    assert(limit >= 0);
    if (a.length > EDIT_TEXT_BYTES_MAX || b.length > EDIT_TEXT_BYTES_MAX)
        return limit + 1;
    int rows[3][EDIT_TEXT_BYTES_MAX + 1];
    for (int j = 0; j <= b.length; j++)
        rows[0][j] = j;
    for (int i = 1; i <= a.length; i++) {
        int *current = rows[i % 3];
        const int *previous = rows[(i + 2) % 3];
        const int *before = rows[(i + 1) % 3];
        current[0] = i;
        for (int j = 1; j <= b.length; j++) {
            char x = fold(a.data[i - 1]);
            char y = fold(b.data[j - 1]);
            int best = min_of(previous[j] + 1, current[j - 1] + 1);
            best = min_of(best, previous[j - 1] + (x != y));
            if (i > 1 && j > 1 && x == fold(b.data[j - 2]) && y == fold(a.data[i - 2]))
                best = min_of(best, before[j - 2] + 1);
            current[j] = best;
        }
    }
    return min_of(rows[a.length % 3][b.length], limit + 1);
}
