/* What is wrong with a user's SQL, and where: errors and warnings with code, caret, help.
 *
 * Parser and planner add to the same list, so that one run reports everything it found. The
 * list is rendered in the style of rustc for people, and as JSON for editors and problem+json.
 *
 *     Diagnostic *d = diagnostics_add(list, DIAGNOSTIC_ERROR, "WR2041", span,
 *                                     "column `%.*s` not found in table `%s`", …);
 *     diagnostic_label(d, "not a column of `%s`", table);
 *     diagnostic_suggest(d, columns, column_count, name);   (adds "did you mean `amount`?")
 *     return ERR_INVALID;
 *
 * Messages are lower case, have no full stop at the end and blame nobody. */
#ifndef WEIR_SQL_DIAGNOSTICS_H
#define WEIR_SQL_DIAGNOSTICS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buffer.h"
#include "base/json.h"
#include "base/list.h"
#include "base/status.h"
#include "base/str.h"

enum {
    DIAGNOSTICS_ERRORS_MAX = 20,   /* further ones are only counted */
    DIAGNOSTICS_WARNINGS_MAX = 20, /* likewise */
    DIAGNOSTICS_EXTENSIONS_MAX = 100,
    SUGGESTIONS_MAX = 3,
};

/* A text to parse. It must outlive the diagnostics. */
typedef struct Source {
    const char *name; /* file name as the user wrote it, or "<input>" */
    Str text;
    bool allows_open_end; /* the last statement may lack its ';' (-e, API); files may not */
    /* What spans call the first byte. A session gives each of its texts a range of its own, so that
     * a tree made of several, such as a table LIKE another, still knows its places. */
    int32_t base;
} Source;

/* Bytes start … end - 1 of a source, counted from its base. */
typedef struct Span {
    int32_t start;
    int32_t end;
} Span;

static inline Span span_make(int32_t start, int32_t end)
{
    return (Span){.start = start, .end = end};
}

/* From the start of `first` to the end of `last`. */
static inline Span span_join(Span first, Span last)
{
    return (Span){.start = first.start, .end = last.end};
}

typedef enum DiagnosticLevel {
    DIAGNOSTIC_ERROR,
    DIAGNOSTIC_WARNING,
    DIAGNOSTIC_EXTENSION, /* what the Flink that was asked for does not have: extension.h */
} DiagnosticLevel;

/* Releases that a script may have to run on. */
typedef enum FlinkVersion {
    FLINK_UNKNOWN,
    FLINK_1_20,
    FLINK_2_0,
    FLINK_2_1,
    FLINK_2_2,
    FLINK_2_3,
    FLINK_NEVER, /* later than all: none has it */
} FlinkVersion;

typedef struct Diagnostics Diagnostics;

/* One finding. Texts live in the list's arena. */
typedef struct Diagnostic {
    DiagnosticLevel level;
    char code[ERROR_CODE_BYTES];
    const char *message;
    const Source *source;
    Span span;         /* the primary one, under which the carets stand; offsets into the text */
    const char *label; /* behind the carets, or NULL */
    List helps;        /* of const char * */
    List notes;        /* of const char * */
    bool has_fix;      /* replacing fix_span by fix_text is safe to do by a machine */
    Span fix_span;
    const char *fix_text;
    List suggestions;  /* of const char *: names for "did you mean", best first */
    int32_t extension; /* DIAGNOSTIC_EXTENSION: which */
    bool is_kept;      /* in the list: others take no texts */
    Arena *arena;
} Diagnostic;

/* An empty list. All its texts live in `arena`. */
Diagnostics *diagnostics_new(Arena *arena, const Source *source);

/* What is added from now on belongs to `source`; for jobs of several files. */
void diagnostics_set_source(Diagnostics *list, const Source *source);

/* Further texts (Source) in which a span may lie; the list is borrowed. */
void diagnostics_set_others(Diagnostics *list, const List *sources);

/* How much the list holds, and going back to that. */
typedef struct DiagnosticsMark {
    int32_t item_count, error_count, warning_count, extension_count, mistake_count;
} DiagnosticsMark;
DiagnosticsMark diagnostics_mark(const Diagnostics *list);
void diagnostics_rewind(Diagnostics *list, DiagnosticsMark mark);

/* From now on warnings are not kept (or again are); returns how it was. */
bool diagnostics_be_quiet(Diagnostics *list, bool is_quiet);

/* Name what this Flink does not have; FLINK_UNKNOWN, as at first: nothing. */
void diagnostics_set_target(Diagnostics *list, FlinkVersion version);
FlinkVersion diagnostics_target(const Diagnostics *list);

/* Add a finding at `span` of the current source, or of the other one in which it lies. Never NULL:
 * beyond the limit, or for a second finding with the same code and span, the result is not kept and
 * is good until the next call. */
Diagnostic *diagnostics_add(Diagnostics *list, DiagnosticLevel level, const char *code, Span span,
                            const char *format, ...) __attribute__((format(printf, 5, 6)));

void diagnostic_label(Diagnostic *diagnostic, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void diagnostic_help(Diagnostic *diagnostic, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void diagnostic_note(Diagnostic *diagnostic, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* A change that surely mends it: put `text` in place of `span`. */
void diagnostic_fix(Diagnostic *diagnostic, Span span, const char *text);

/* Add "did you mean `x`, `y` or `z`?" for the candidates that resemble `name`; false if none
 * does. */
bool diagnostic_suggest(Diagnostic *diagnostic, const Str *candidates, int32_t count, Str name);

/* The search behind it: Damerau-Levenshtein distance <= 2 or a shared prefix, ASCII case
 * ignored, best first. Returns how many of at most SUGGESTIONS_MAX were written to `best`. */
int32_t diagnostics_find_similar(const Str *candidates, int32_t count, Str name,
                                 Str best[SUGGESTIONS_MAX]);

int32_t diagnostics_count(const Diagnostics *list);
const Diagnostic *diagnostics_at(const Diagnostics *list, int32_t index);

/* All of a level, also those beyond the limit. */
int32_t diagnostics_error_count(const Diagnostics *list);
/* How often an error was added, the same one again included: whoever asks whether something went
 * wrong since then compares this, as a mistake may have been found before. */
int32_t diagnostics_mistake_count(const Diagnostics *list);
int32_t diagnostics_warning_count(const Diagnostics *list);
int32_t diagnostics_extension_count(const Diagnostics *list);

/* The list in text, in order of position, with a line at the end if the limit was passed. */
void diagnostics_render(const Diagnostics *list, bool use_color, Buffer *out);
void diagnostic_render(const Diagnostic *diagnostic, bool use_color, Buffer *out);

/* An array of objects: level, code, message, file, line, column, span, label, helps, notes,
 * suggestions, fix. Line and column count from 1, column in characters, span in bytes. */
void diagnostics_write_json(const Diagnostics *list, JsonWriter *json);

/* Line and column (in code points) of a byte offset, from 1. */
void source_position(const Source *source, int32_t offset, int32_t *line, int32_t *column);

/* OK without errors; otherwise ERR_INVALID with the first error's code and text in `error`. */
Status diagnostics_status(const Diagnostics *list, Error *error);

#endif
