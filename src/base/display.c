#include "base/display.h"

#include <assert.h>
#include <utf8proc.h>

enum { REPLACEMENT = 0xFFFD, DOTS_COLUMNS = 3 };

int32_t display_decode(Str text, int32_t *codepoint)
{
    assert(text.length > 0);
    utf8proc_int32_t value = -1;
    utf8proc_ssize_t used = utf8proc_iterate((const utf8proc_uint8_t *)text.data,
                                             text.length < 4 ? text.length : 4, &value);
    *codepoint = used > 0 ? value : REPLACEMENT;
    return used > 0 ? (int32_t)used : 1;
}

bool display_is_unsafe(int32_t codepoint)
{
    return codepoint < 0x20 || (codepoint >= 0x7F && codepoint < 0xA0) ||
           (codepoint >= 0x202A && codepoint <= 0x202E) ||
           (codepoint >= 0x2066 && codepoint <= 0x2069);
}

/* How the character is shown: itself, or what stands in for it. */
static Str display_shown(Str bytes, int32_t codepoint)
{
    if (codepoint == '\n')
        return STR("\\n");
    if (codepoint == '\t')
        return STR("\\t");
    if (codepoint == '\r')
        return STR("\\r");
    if (display_is_unsafe(codepoint) || codepoint == REPLACEMENT)
        return STR("\xEF\xBF\xBD");
    return bytes;
}

static int32_t display_shown_columns(Str shown, int32_t codepoint)
{
    if (codepoint < 0x80)
        return display_is_unsafe(codepoint) && shown.data[0] != '\\' ? 1 : (int32_t)shown.length;
    return display_is_unsafe(codepoint) ? 1 : utf8proc_charwidth(codepoint);
}

int32_t display_columns(Str text)
{
    int32_t columns = 0;
    for (int64_t at = 0; at < text.length;) {
        int32_t codepoint;
        Str rest = str_make(text.data + at, text.length - at);
        int32_t used = display_decode(rest, &codepoint);
        Str shown = display_shown(str_make(rest.data, used), codepoint);
        columns += display_shown_columns(shown, codepoint);
        at += used;
    }
    return columns;
}

int32_t display_append(Buffer *out, Str text, int32_t columns_max)
{
    bool is_cut = display_columns(text) > columns_max;
    int32_t room = is_cut ? columns_max - DOTS_COLUMNS : columns_max;
    int32_t columns = 0;
    for (int64_t at = 0; at < text.length;) {
        int32_t codepoint;
        Str rest = str_make(text.data + at, text.length - at);
        int32_t used = display_decode(rest, &codepoint);
        Str shown = display_shown(str_make(rest.data, used), codepoint);
        int32_t width = display_shown_columns(shown, codepoint);
        if (columns + width > room)
            break;
        buffer_append_str(out, shown);
        columns += width;
        at += used;
    }
    for (int32_t i = 0; is_cut && i < DOTS_COLUMNS && columns < columns_max; i++, columns++)
        buffer_append_char(out, '.');
    assert(columns <= columns_max || columns_max <= 0);
    return columns;
}

void display_rule(Buffer *out, const int32_t *widths, int32_t count)
{
    for (int32_t i = 0; i < count; i++) {
        buffer_append_char(out, '+');
        for (int32_t k = 0; k < widths[i] + 2; k++)
            buffer_append_char(out, '-');
    }
    buffer_append_text(out, "+\n");
}

void display_row(Buffer *out, const Str *cells, const int32_t *widths, int32_t count)
{
    for (int32_t i = 0; i < count; i++) {
        buffer_append_text(out, "| ");
        int32_t columns = display_columns(cells[i]);
        for (int32_t k = columns; k < widths[i]; k++)
            buffer_append_char(out, ' ');
        display_append(out, cells[i], widths[i]);
        buffer_append_char(out, ' ');
    }
    buffer_append_text(out, "|\n");
}
