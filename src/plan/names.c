/* Everything that can be named in a session, for whoever completes words. */
#include "plan/internal.h"

static void names_add(Arena *arena, List *out, Str name)
{
    Str *kept = ARENA_NEW(arena, Str);
    *kept = name;
    list_append(out, arena, kept);
}

static void names_of_options(const OptionSpec *specs, int32_t count, Arena *arena, List *out)
{
    for (int32_t i = 0; i < count; i++)
        names_add(arena, out, str_from(specs[i].key));
}

static void names_of_objects(const Map *objects, Arena *arena, List *out)
{
    for (int32_t i = 0; i < map_count(objects); i++) {
        const CatalogObject *object = map_value_at(objects, i);
        names_add(arena, out, object->name);
        for (int32_t c = 0; object->table != NULL && c < object->table->columns.count; c++)
            names_add(arena, out,
                      LIST_AT(object->table->columns, c, SqlColumnDefinition)->name.text);
        for (int32_t c = 0; object->view != NULL && c < object->view->columns.count; c++)
            names_add(arena, out, LIST_AT(object->view->columns, c, SqlName)->text);
    }
}

void session_names(const PlanSession *session, Arena *arena, List *out)
{
    const Map *named = session->catalog.named;
    for (int32_t c = 0; c < map_count(named); c++) {
        const NamedCatalog *catalog = map_value_at(named, c);
        names_add(arena, out, catalog->name);
        for (int32_t d = 0; d < map_count(catalog->databases); d++) {
            const CatalogDatabase *database = map_value_at(catalog->databases, d);
            names_add(arena, out, database->name);
            names_of_objects(database->objects, arena, out);
        }
    }
    names_of_objects(session->catalog.temporary, arena, out);
    for (int32_t i = 0; i < function_info_count(); i++)
        names_add(arena, out, str_from(function_info_at(i)->name));
    const Registry *registry = session->context.registry;
    for (int32_t i = 0; i < registry->connector_count; i++)
        names_of_options(registry->connectors[i]->options, registry->connectors[i]->option_count,
                         arena, out);
    settings_names(arena, out);
}
