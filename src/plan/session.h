/* What of planning outlives a script: catalogs with their tables and views, and settings.
 *
 *     session_new ── session_read (text to statements) ── session_plan (each of them) ──
 * session_free
 *
 * `weir sql` plans the statements of its user one after another in a session; plan_script makes one
 * for a single script. Definitions are kept as trees and bound anew in each plan that uses them, so
 * plans do not depend on each other. Not for several threads at a time. */
#ifndef WEIR_PLAN_SESSION_H
#define WEIR_PLAN_SESSION_H

#include "plan/plan.h"
#include "sql/ast.h"

typedef struct PlanSession PlanSession;

/* A text and its statements. Plans use both, so each plan's owner counts as a user. */
typedef struct SessionText {
    Source source;
    SqlScript *script;
    Arena *arena;
    int32_t user_count;
    bool is_kept; /* the session goes on using it: a definition is in it */
} SessionText;

/* What became of one statement. */
typedef struct PlanStep {
    Plan *plan;                    /* what is to be run, or NULL */
    const StatementResult *result; /* or NULL */
    Str dropped; /* the path of a materialized table that is to be kept up to date no more */
} PlanStep;

/* The session and what it keeps live in `arena`. The context is copied. */
PlanSession *session_new(const PlanContext *context, Arena *arena);
/* Frees the texts that are kept; there may be no plan any more. NULL is allowed. */
void session_free(PlanSession *session);

/* Parse a copy of the text; `diagnostics` gets the text's source. Never NULL: with errors the
 * script has the statements that are right. The caller is its first user. */
SessionText *session_read(PlanSession *session, const Source *source, Diagnostics *diagnostics);
SessionText *session_text_use(SessionText *text);
/* The last one frees it, unless it is kept. */
void session_text_release(PlanSession *session, SessionText *text);

/* A setting of the command line, to which RESET goes back. */
void session_configure(PlanSession *session, Diagnostics *diagnostics, Str key, Str value);

/* Plan a statement of the text. What it defines and sets is there for the next ones, unless it has
 * an error: ERR_INVALID then, with all mistakes in `diagnostics`. Plan and result live in `arena`,
 * for as long as the text is used. */
Status session_plan(PlanSession *session, SessionText *text, const SqlStatement *statement,
                    Arena *arena, Diagnostics *diagnostics, PlanStep *out);

/* What can be named, for completion: catalogs, databases, tables, views, columns, functions, keys
 * of settings and of options; Str * in the list. */
void session_names(const PlanSession *session, Arena *arena, List *out);

/* The value of a setting, or its default, or NULL. */
const char *session_setting(const PlanSession *session, const char *key);

#endif
