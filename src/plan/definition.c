/* What the definitions of the catalog mean to one plan.
 *
 * A definition is bound when it is made, so that its mistakes are found even if nobody uses it, and
 * again in each later plan that uses it: tables and relations belong to their plan. */
#include <assert.h>

#include "plan/internal.h"

static ObjectBinding *object_binding(Planner *planner, const CatalogObject *object)
{
    while (planner->bindings.count <= object->id)
        list_append(&planner->bindings, planner->arena, NULL);
    ObjectBinding *binding = LIST_AT(planner->bindings, object->id, ObjectBinding);
    if (binding == NULL) {
        binding = ARENA_NEW(planner->arena, ObjectBinding);
        planner->bindings.items[object->id] = binding;
    }
    return binding;
}

void objects_forget_queries(Planner *planner)
{
    for (int32_t i = 0; i < planner->bindings.count; i++) {
        const ObjectBinding *binding = LIST_AT(planner->bindings, i, ObjectBinding);
        if (binding != NULL && binding->is_done && binding->entry == NULL)
            planner->bindings.items[i] = NULL;
    }
}

bool object_is_begun(Planner *planner, const CatalogObject *object)
{
    const ObjectBinding *binding = object_binding(planner, object);
    return binding->is_begun && !binding->is_done;
}

/* Names in a view's query are relative to where it was defined, and common table expressions of
 * whoever uses it are not seen in it. */
static Bound object_bind_query(Planner *planner, const CatalogObject *object)
{
    Catalog *current = &planner->session->catalog;
    Str catalog = current->catalog, database = current->database;
    Cte *ctes = planner->ctes;
    bool is_in_view = planner->is_in_view;
    const Scope *outer = planner->outer;
    current->catalog = object->scope_catalog;
    current->database = object->scope_database;
    planner->ctes = NULL;
    planner->is_in_view = true;
    planner->outer = NULL;
    Bound query = object->kind == OBJECT_VIEW ? bind_view(planner, object->view)
                                              : bind_query(planner, object->materialized->query);
    planner->ctes = ctes;
    planner->is_in_view = is_in_view;
    planner->outer = outer;
    current->catalog = catalog;
    current->database = database;
    return query;
}

const List *object_star(Planner *planner, const SqlExpr *star, const List *names, int32_t first)
{
    PlanSession *session = planner->session;
    if (!planner->is_in_view)
        return NULL;
    const char *key = arena_printf(planner->arena, "%p", (const void *)star);
    List *kept = map_find(session->stars, str_from(key));
    if (kept != NULL)
        return kept;
    kept = ARENA_NEW(session->arena, List);
    for (int32_t i = first; i < names->count; i++) {
        Str *name = ARENA_NEW(session->arena, Str);
        *name = str_copy(session->arena, *LIST_AT(*names, i, Str));
        list_append(kept, session->arena, name);
    }
    map_put(session->stars, str_from(key), kept);
    return NULL;
}

static void object_bind(Planner *planner, const CatalogObject *object, ObjectBinding *binding)
{
    assert(!binding->is_begun);
    binding->is_begun = true;
    if (object->kind == OBJECT_TABLE)
        binding->entry = bind_table(planner, object);
    else
        binding->query = object_bind_query(planner, object);
    binding->is_done = true;
}

/* The binding, made now if need be; NULL after a report. */
static ObjectBinding *object_bound(Planner *planner, const CatalogObject *object, Span span)
{
    ObjectBinding *binding = object_binding(planner, object);
    if (binding->is_done)
        return binding;
    if (binding->is_begun) {
        REPORT(planner, "WR2404", span, "view `%.*s` is defined by itself", STR_ARGS(object->name));
        return NULL;
    }
    /* Its warnings were shown when it was defined. */
    bool was_quiet = diagnostics_be_quiet(planner->diagnostics, true);
    object_bind(planner, object, binding);
    diagnostics_be_quiet(planner->diagnostics, was_quiet);
    return binding;
}

TableEntry *object_table(Planner *planner, const CatalogObject *object, Span span)
{
    assert(object->kind == OBJECT_TABLE);
    const ObjectBinding *binding = object_bound(planner, object, span);
    return binding != NULL ? binding->entry : NULL;
}

Bound object_query(Planner *planner, const CatalogObject *object, Span span)
{
    assert(object->kind != OBJECT_TABLE);
    const ObjectBinding *binding = object_bound(planner, object, span);
    return binding != NULL ? binding->query : (Bound){0};
}

void object_define(Planner *planner, CatalogObject *object)
{
    int32_t errors = diagnostics_mistake_count(planner->diagnostics);
    ObjectBinding *binding = object_binding(planner, object);
    object_bind(planner, object, binding);
    bool is_bound =
        object->kind == OBJECT_TABLE ? binding->entry != NULL : binding->query.rel != NULL;
    object->is_broken = !is_bound || diagnostics_mistake_count(planner->diagnostics) > errors;
}
