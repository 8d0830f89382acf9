/* The list of findings: adding, counting, limits. */
#include "sql/diagnostics.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct Diagnostics {
    Arena *arena;
    const Source *source;
    const List *others; /* Source, or NULL */
    List items;         /* Diagnostic, in order of addition */
    int32_t error_count;
    int32_t warning_count;
    int32_t extension_count;
    FlinkVersion target;
    int32_t mistake_count;
    Diagnostic spare; /* stands for each finding that is not kept */
    bool is_quiet;
};

Diagnostics *diagnostics_new(Arena *arena, const Source *source)
{
    assert(arena != NULL);
    Diagnostics *list = ARENA_NEW(arena, Diagnostics);
    list->arena = arena;
    list->source = source;
    return list;
}

void diagnostics_set_source(Diagnostics *list, const Source *source)
{
    assert(source != NULL);
    list->source = source;
}

void diagnostics_set_others(Diagnostics *list, const List *sources)
{
    list->others = sources;
}

DiagnosticsMark diagnostics_mark(const Diagnostics *list)
{
    return (DiagnosticsMark){.item_count = list->items.count,
                             .error_count = list->error_count,
                             .warning_count = list->warning_count,
                             .extension_count = list->extension_count,
                             .mistake_count = list->mistake_count};
}

void diagnostics_rewind(Diagnostics *list, DiagnosticsMark mark)
{
    assert(mark.item_count <= list->items.count && mark.mistake_count <= list->mistake_count);
    list->items.count = mark.item_count;
    list->error_count = mark.error_count;
    list->warning_count = mark.warning_count;
    list->extension_count = mark.extension_count;
    list->mistake_count = mark.mistake_count;
}

bool diagnostics_be_quiet(Diagnostics *list, bool is_quiet)
{
    bool was_quiet = list->is_quiet;
    list->is_quiet = is_quiet;
    return was_quiet;
}

void diagnostics_set_target(Diagnostics *list, FlinkVersion version)
{
    list->target = version;
}

FlinkVersion diagnostics_target(const Diagnostics *list)
{
    return list->target;
}

static bool source_has(const Source *source, Span span)
{
    return span.start >= source->base && span.end <= source->base + source->text.length;
}

/* The source of the span. What has no place, such as a setting of the command line, is shown at
 * the start of the current one. */
static const Source *diagnostics_locate(const Diagnostics *list, Span *span)
{
    assert(list->source != NULL && span->start <= span->end);
    const Source *found = source_has(list->source, *span) ? list->source : NULL;
    for (int32_t i = 0; found == NULL && list->others != NULL && i < list->others->count; i++) {
        const Source *other = LIST_AT(*list->others, i, Source);
        if (source_has(other, *span))
            found = other;
    }
    *span = found != NULL ? span_make(span->start - found->base, span->end - found->base)
                          : span_make(0, 0);
    return found != NULL ? found : list->source;
}

__attribute__((format(printf, 2, 0))) static char *
diagnostic_vprintf(Arena *arena, const char *format, va_list arguments)
{
    va_list copy;
    va_copy(copy, arguments);
    int length = vsnprintf(NULL, 0, format, copy);
    va_end(copy);
    assert(length >= 0);
    char *text = arena_allocate(arena, (int64_t)length + 1);
    int written = vsnprintf(text, (size_t)length + 1, format, arguments);
    assert(written == length);
    (void)written;
    /* Names and texts of the user are part of messages; none may steer the terminal. */
    for (int i = 0; i < length; i++) {
        unsigned char c = (unsigned char)text[i];
        if ((c < 0x20 && c != '\n') || c == 0x7F)
            text[i] = '?';
    }
    return text;
}

/* The same complaint about the same place helps nobody. */
static bool diagnostics_has(const Diagnostics *list, const Diagnostic *other)
{
    for (int32_t i = 0; i < list->items.count; i++) {
        const Diagnostic *d = LIST_AT(list->items, i, Diagnostic);
        if (d->source == other->source && d->span.start == other->span.start &&
            d->span.end == other->span.end && strcmp(d->code, other->code) == 0)
            return true;
    }
    return false;
}

static bool diagnostics_counts_in(Diagnostics *list, DiagnosticLevel level)
{
    if (level == DIAGNOSTIC_ERROR)
        return ++list->error_count <= DIAGNOSTICS_ERRORS_MAX;
    if (level == DIAGNOSTIC_EXTENSION)
        return ++list->extension_count <= DIAGNOSTICS_EXTENSIONS_MAX;
    if (list->is_quiet)
        return false;
    return ++list->warning_count <= DIAGNOSTICS_WARNINGS_MAX;
}

Diagnostic *diagnostics_add(Diagnostics *list, DiagnosticLevel level, const char *code, Span span,
                            const char *format, ...)
{
    list->spare = (Diagnostic){.level = level, .arena = list->arena, .message = ""};
    list->spare.source = diagnostics_locate(list, &span);
    list->spare.span = span;
    snprintf(list->spare.code, sizeof(list->spare.code), "%s", code);
    list->mistake_count += level == DIAGNOSTIC_ERROR;
    if (diagnostics_has(list, &list->spare) || !diagnostics_counts_in(list, level))
        return &list->spare;
    Diagnostic *diagnostic = ARENA_NEW(list->arena, Diagnostic);
    *diagnostic = list->spare;
    diagnostic->is_kept = true;
    va_list arguments;
    va_start(arguments, format);
    diagnostic->message = diagnostic_vprintf(list->arena, format, arguments);
    va_end(arguments);
    list_append(&list->items, list->arena, diagnostic);
    return diagnostic;
}

void diagnostic_label(Diagnostic *diagnostic, const char *format, ...)
{
    if (!diagnostic->is_kept)
        return;
    va_list arguments;
    va_start(arguments, format);
    diagnostic->label = diagnostic_vprintf(diagnostic->arena, format, arguments);
    va_end(arguments);
}

void diagnostic_help(Diagnostic *diagnostic, const char *format, ...)
{
    if (!diagnostic->is_kept)
        return;
    va_list arguments;
    va_start(arguments, format);
    list_append(&diagnostic->helps, diagnostic->arena,
                diagnostic_vprintf(diagnostic->arena, format, arguments));
    va_end(arguments);
}

void diagnostic_note(Diagnostic *diagnostic, const char *format, ...)
{
    if (!diagnostic->is_kept)
        return;
    va_list arguments;
    va_start(arguments, format);
    list_append(&diagnostic->notes, diagnostic->arena,
                diagnostic_vprintf(diagnostic->arena, format, arguments));
    va_end(arguments);
}

void diagnostic_fix(Diagnostic *diagnostic, Span span, const char *text)
{
    const Source *source = diagnostic->source;
    if (!diagnostic->is_kept)
        return;
    assert(span.start <= span.end && source_has(source, span));
    diagnostic->has_fix = true;
    diagnostic->fix_span = span_make(span.start - source->base, span.end - source->base);
    diagnostic->fix_text = str_terminated(diagnostic->arena, str_from(text));
}

int32_t diagnostics_count(const Diagnostics *list)
{
    return list->items.count;
}

const Diagnostic *diagnostics_at(const Diagnostics *list, int32_t index)
{
    assert(index >= 0 && index < list->items.count);
    return LIST_AT(list->items, index, Diagnostic);
}

int32_t diagnostics_error_count(const Diagnostics *list)
{
    return list->error_count;
}

int32_t diagnostics_mistake_count(const Diagnostics *list)
{
    return list->mistake_count;
}

int32_t diagnostics_warning_count(const Diagnostics *list)
{
    return list->warning_count;
}

int32_t diagnostics_extension_count(const Diagnostics *list)
{
    return list->extension_count;
}

Status diagnostics_status(const Diagnostics *list, Error *error)
{
    for (int32_t i = 0; i < list->items.count; i++) {
        const Diagnostic *d = LIST_AT(list->items, i, Diagnostic);
        if (d->level != DIAGNOSTIC_ERROR)
            continue;
        int32_t line = 0, column = 0;
        source_position(d->source, d->span.start, &line, &column);
        Status status = fail(error, ERR_INVALID, d->code, "%s:%d:%d: %s", d->source->name, line,
                             column, d->message);
        if (d->helps.count > 0)
            error_hint(error, "%s", LIST_AT(d->helps, 0, const char));
        return status;
    }
    assert(list->error_count == 0);
    return OK;
}
