/* Findings as text, in the style of rustc, and as JSON.
 *
 *     error[WR2041]: column `amout` not found in table `orders`
 *       --> pipelines/revenue.sql:7:12
 *        |
 *      7 | SELECT SUM(amout) FROM orders
 *        |            ^^^^^ not a column of `orders`
 *        = help: did you mean `amount`?
 *
 * Carets stand under the columns that a terminal shows: wide characters count two, combining
 * ones none, a tab is shown as four spaces. Only a part of a very long line is shown. */
#include <assert.h>
#include <stdio.h>
#include <utf8proc.h>

#include "base/display.h"
#include "sql/diagnostics.h"

enum {
    RENDER_TAB_COLUMNS = 4,
    RENDER_LINE_COLUMNS_MAX = 160, /* longer lines are shown in part */
    RENDER_LEAD_COLUMNS = 60,      /* what is kept before the span in that case */
    RENDER_ITEMS_MAX =
        DIAGNOSTICS_ERRORS_MAX + DIAGNOSTICS_WARNINGS_MAX + DIAGNOSTICS_EXTENSIONS_MAX,
};

/* ---- Positions ---- */

static int32_t render_next_codepoint(Str text, int32_t at, int32_t *codepoint)
{
    return display_decode(str_make(text.data + at, text.length - at), codepoint);
}

static Str render_line_at(Str text, int32_t offset, int32_t *line_start)
{
    int32_t start = offset;
    while (start > 0 && text.data[start - 1] != '\n')
        start--;
    int32_t end = offset;
    while (end < text.length && text.data[end] != '\n')
        end++;
    if (end > start && text.data[end - 1] == '\r')
        end--;
    *line_start = start;
    return str_make(text.data + start, end - start);
}

void source_position(const Source *source, int32_t offset, int32_t *line, int32_t *column)
{
    assert(offset >= 0 && offset <= source->text.length);
    *line = 1;
    *column = 1;
    int32_t line_start = 0;
    for (int32_t i = 0; i < offset; i++) {
        if (source->text.data[i] == '\n') {
            (*line)++;
            line_start = i + 1;
        }
    }
    int32_t codepoint = 0;
    for (int32_t at = line_start; at < offset; (*column)++)
        at += render_next_codepoint(source->text, at, &codepoint);
}

/* ---- The line and its carets ---- */

typedef struct RenderedLine {
    Buffer text;
    int32_t caret_start; /* columns from the start of `text` */
    int32_t caret_end;
} RenderedLine;

/* Append one character as shown; returns the columns it takes. */
static int32_t render_character(Buffer *out, Str bytes, int32_t codepoint)
{
    if (codepoint == '\t') {
        for (int32_t i = 0; i < RENDER_TAB_COLUMNS; i++)
            buffer_append_char(out, ' ');
        return RENDER_TAB_COLUMNS;
    }
    if (display_is_unsafe(codepoint) || codepoint == 0xFFFD) {
        buffer_append_text(out, "\xEF\xBF\xBD");
        return 1;
    }
    buffer_append_str(out, bytes);
    return utf8proc_charwidth(codepoint);
}

static int32_t render_columns(Str text)
{
    Buffer ignored = {0};
    int32_t columns = 0, codepoint = 0;
    for (int32_t at = 0; at < text.length;) {
        int32_t used = render_next_codepoint(text, at, &codepoint);
        columns += render_character(&ignored, str_make(text.data + at, used), codepoint);
        at += used;
    }
    buffer_free(&ignored);
    return columns;
}

/* The first byte to show: 0, or somewhat before the span if the line is long. */
static int32_t render_window_start(Str line, int32_t span_start)
{
    if (render_columns(line) <= RENDER_LINE_COLUMNS_MAX)
        return 0;
    int32_t start = span_start;
    for (int32_t columns = 0; start > 0 && columns < RENDER_LEAD_COLUMNS; columns++) {
        start--;
        while (start > 0 && ((unsigned char)line.data[start] & 0xC0) == 0x80)
            start--;
    }
    return start;
}

/* `start` and `end` are bytes of `line`; a span that goes on in the next line ends here. */
static void render_line(Str line, int32_t start, int32_t end, RenderedLine *out)
{
    int32_t at = render_window_start(line, start < line.length ? start : (int32_t)line.length);
    int32_t columns = 0, codepoint = 0;
    if (at > 0) {
        buffer_append_text(&out->text, "...");
        columns = 3;
    }
    out->caret_start = -1;
    out->caret_end = -1;
    while (at < line.length) {
        if (at >= start && out->caret_start < 0)
            out->caret_start = columns;
        if (at >= end && out->caret_end < 0)
            out->caret_end = columns;
        if (columns > RENDER_LINE_COLUMNS_MAX) {
            buffer_append_text(&out->text, "...");
            break;
        }
        int32_t used = render_next_codepoint(line, at, &codepoint);
        columns += render_character(&out->text, str_make(line.data + at, used), codepoint);
        at += used;
    }
    if (out->caret_start < 0)
        out->caret_start = columns;
    if (out->caret_end < 0)
        out->caret_end = columns;
    if (out->caret_end <= out->caret_start)
        out->caret_end = out->caret_start + 1;
}

/* ---- Secrets ---- */

/* Behind the literal that begins at `at`, or the end of the line. */
static int64_t render_literal_end(Str line, int64_t at)
{
    for (at++; at < line.length; at++) {
        if (line.data[at] != '\'')
            continue;
        if (at + 1 < line.length && line.data[at + 1] == '\'')
            at++;
        else
            return at + 1;
    }
    return line.length;
}

static bool render_names_secret(Str literal)
{
    static const char *const words[] = {"password", "secret", "token"};
    for (int64_t at = 0; at < literal.length; at++) {
        Str rest = str_make(literal.data + at, literal.length - at);
        for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
            Str word = str_from(words[i]);
            if (rest.length >= word.length &&
                str_equal_ignoring_case(str_make(rest.data, word.length), word))
                return true;
        }
    }
    return false;
}

/* Errors go to logs and screens: what an option of such a name is set to becomes `*`, byte by byte,
 * so that carets stay where they are. A reference such as ${env:NAME} is none. */
static void render_hide_secrets(Str line, char *bytes)
{
    bool is_secret = false;
    for (int64_t at = 0; at < line.length; at++) {
        bool is_between = line.data[at] == ' ' || line.data[at] == '\t' || line.data[at] == '=';
        if (line.data[at] != '\'') {
            is_secret = is_secret && is_between;
            continue;
        }
        int64_t end = render_literal_end(line, at);
        Str literal = str_make(line.data + at, end - at);
        bool is_reference = str_has_prefix(literal, STR("'${"));
        for (int64_t i = at + 1; is_secret && !is_reference && i < end; i++)
            if (i + 1 < end || bytes[i] != '\'')
                bytes[i] = '*';
        is_secret = !is_secret && render_names_secret(literal);
        at = end - 1;
    }
}

/* ---- One finding ---- */

typedef struct Render {
    Buffer *out;
    bool use_color;
    const char *level_color;
    int32_t gutter; /* digits of the line number */
} Render;

static const char *render_level_name(DiagnosticLevel level)
{
    return level == DIAGNOSTIC_WARNING ? "warning" : "error";
}

static void render_color(const Render *render, const char *code)
{
    if (render->use_color)
        buffer_printf(render->out, "\x1b[%sm", code);
}

/* The blanks left of the bar, and the bar. */
static void render_bar(const Render *render, const char *bar)
{
    render_color(render, "1;34");
    buffer_printf(render->out, "%*s%s", render->gutter + 2, "", bar);
    render_color(render, "0");
}

static void render_header(const Render *render, const Diagnostic *d)
{
    render_color(render, render->level_color);
    buffer_printf(render->out, "%s[%s]", render_level_name(d->level), d->code);
    render_color(render, "0");
    render_color(render, "1");
    buffer_printf(render->out, ": %s\n", d->message);
    render_color(render, "0");
}

static void render_source(const Render *render, const Diagnostic *d, int32_t line_number)
{
    int32_t line_start = 0;
    Str line = render_line_at(d->source->text, d->span.start, &line_start);
    RenderedLine shown = {0};
    Buffer safe = {0};
    buffer_append_str(&safe, line);
    render_hide_secrets(line, safe.data);
    line = buffer_str(&safe);
    render_line(line, d->span.start - line_start, d->span.end - line_start, &shown);
    Buffer *out = render->out;
    render_bar(render, "|");
    buffer_append_char(out, '\n');
    render_color(render, "1;34");
    buffer_printf(out, " %*d |", render->gutter, line_number);
    render_color(render, "0");
    if (shown.text.length > 0)
        buffer_append_char(out, ' ');
    buffer_append_str(out, buffer_str(&shown.text));
    buffer_append_char(out, '\n');
    render_bar(render, "|");
    buffer_printf(out, " %*s", shown.caret_start, "");
    render_color(render, render->level_color);
    for (int32_t i = shown.caret_start; i < shown.caret_end; i++)
        buffer_append_char(out, '^');
    if (d->label != NULL)
        buffer_printf(out, " %s", d->label);
    render_color(render, "0");
    buffer_append_char(out, '\n');
    buffer_free(&shown.text);
    buffer_free(&safe);
}

/* "= help: text", further lines of the text under its first. */
static void render_remark(const Render *render, const char *word, const char *text)
{
    render_bar(render, "=");
    buffer_append_char(render->out, ' ');
    render_color(render, "1");
    buffer_append_text(render->out, word);
    render_color(render, "0");
    buffer_append_text(render->out, ": ");
    for (const char *at = text; *at != '\0'; at++) {
        buffer_append_char(render->out, *at);
        if (*at == '\n')
            buffer_printf(render->out, "%*s", render->gutter + 6 + (int)strlen(word), "");
    }
    buffer_append_char(render->out, '\n');
}

void diagnostic_render(const Diagnostic *diagnostic, bool use_color, Buffer *out)
{
    int32_t line = 0, column = 0;
    source_position(diagnostic->source, diagnostic->span.start, &line, &column);
    char digits[16];
    int gutter = snprintf(digits, sizeof(digits), "%d", line);
    assert(gutter > 0 && gutter < (int)sizeof(digits));
    Render render = {
        .out = out,
        .use_color = use_color,
        .level_color = diagnostic->level == DIAGNOSTIC_WARNING ? "1;33" : "1;31",
        .gutter = gutter,
    };
    render_header(&render, diagnostic);
    render_color(&render, "1;34");
    buffer_printf(out, "%*s-->", gutter + 1, "");
    render_color(&render, "0");
    buffer_printf(out, " %s:%d:%d\n", diagnostic->source->name, line, column);
    render_source(&render, diagnostic, line);
    for (int32_t i = 0; i < diagnostic->helps.count; i++)
        render_remark(&render, "help", LIST_AT(diagnostic->helps, i, const char));
    for (int32_t i = 0; i < diagnostic->notes.count; i++)
        render_remark(&render, "note", LIST_AT(diagnostic->notes, i, const char));
    render_bar(&render, "=");
    buffer_printf(out, " explain: weir explain-error %s   docs: /errors/%s\n", diagnostic->code,
                  diagnostic->code);
}

/* ---- The list ---- */

/* The place of a finding's source among the sources of the list. */
static int32_t render_source_rank(const Diagnostics *list, const Source *source)
{
    for (int32_t i = 0; i < diagnostics_count(list); i++) {
        if (diagnostics_at(list, i)->source == source)
            return i;
    }
    return 0;
}

static bool render_is_before(const Diagnostics *list, const Diagnostic *a, const Diagnostic *b)
{
    int32_t rank_a = render_source_rank(list, a->source);
    int32_t rank_b = render_source_rank(list, b->source);
    return rank_a != rank_b ? rank_a < rank_b : a->span.start < b->span.start;
}

/* By source, then by position; returns how many there are. */
static int32_t render_sorted(const Diagnostics *list, const Diagnostic *sorted[RENDER_ITEMS_MAX])
{
    int32_t count = diagnostics_count(list);
    assert(count <= RENDER_ITEMS_MAX);
    for (int32_t i = 0; i < count; i++) {
        const Diagnostic *item = diagnostics_at(list, i);
        int32_t at = i;
        for (; at > 0 && render_is_before(list, item, sorted[at - 1]); at--)
            sorted[at] = sorted[at - 1];
        sorted[at] = item;
    }
    return count;
}

static void render_hidden(Buffer *out, int32_t hidden, const char *what)
{
    if (hidden > 0)
        buffer_printf(out, "\n%d more %s%s not shown\n", hidden, what,
                      hidden == 1 ? " is" : "s are");
}

void diagnostics_render(const Diagnostics *list, bool use_color, Buffer *out)
{
    const Diagnostic *sorted[RENDER_ITEMS_MAX];
    int32_t count = render_sorted(list, sorted);
    int32_t shown[DIAGNOSTIC_EXTENSION + 1] = {0};
    for (int32_t i = 0; i < count; i++) {
        if (i > 0)
            buffer_append_char(out, '\n');
        diagnostic_render(sorted[i], use_color, out);
        shown[sorted[i]->level]++;
    }
    render_hidden(out, diagnostics_error_count(list) - shown[DIAGNOSTIC_ERROR], "error");
    render_hidden(out, diagnostics_warning_count(list) - shown[DIAGNOSTIC_WARNING], "warning");
    render_hidden(out, diagnostics_extension_count(list) - shown[DIAGNOSTIC_EXTENSION],
                  "extension");
}

/* ---- JSON ---- */

static void render_json_texts(JsonWriter *json, const char *key, List texts)
{
    json_key(json, key);
    json_begin_array(json);
    for (int32_t i = 0; i < texts.count; i++)
        json_text(json, LIST_AT(texts, i, const char));
    json_end_array(json);
}

static void render_json_span(JsonWriter *json, const char *key, Span span)
{
    json_key(json, key);
    json_begin_object(json);
    json_key(json, "start");
    json_int(json, span.start);
    json_key(json, "end");
    json_int(json, span.end);
    json_end_object(json);
}

static void render_json_item(JsonWriter *json, const Diagnostic *d)
{
    int32_t line = 0, column = 0;
    source_position(d->source, d->span.start, &line, &column);
    json_begin_object(json);
    json_key(json, "level");
    json_text(json, render_level_name(d->level));
    json_key(json, "code");
    json_text(json, d->code);
    json_key(json, "message");
    json_text(json, d->message);
    json_key(json, "file");
    json_text(json, d->source->name);
    json_key(json, "line");
    json_int(json, line);
    json_key(json, "column");
    json_int(json, column);
    render_json_span(json, "span", d->span);
    json_key(json, "label");
    if (d->label != NULL)
        json_text(json, d->label);
    else
        json_null(json);
    render_json_texts(json, "helps", d->helps);
    render_json_texts(json, "notes", d->notes);
    render_json_texts(json, "suggestions", d->suggestions);
    if (d->has_fix) {
        json_key(json, "fix");
        json_begin_object(json);
        render_json_span(json, "span", d->fix_span);
        json_key(json, "replacement");
        json_text(json, d->fix_text);
        json_key(json, "applicability");
        json_text(json, "machine-applicable");
        json_end_object(json);
    }
    json_end_object(json);
}

void diagnostics_write_json(const Diagnostics *list, JsonWriter *json)
{
    const Diagnostic *sorted[RENDER_ITEMS_MAX];
    int32_t count = render_sorted(list, sorted);
    json_begin_array(json);
    for (int32_t i = 0; i < count; i++)
        render_json_item(json, sorted[i]);
    json_end_array(json);
}
