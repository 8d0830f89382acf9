/* Whether a schema may follow those that a subject has. */
#include "registry/internal.h"

bool level_demand(Str level, LevelDemand *out)
{
    static const struct {
        const char *name;
        LevelDemand demand;
    } levels[] = {
        {"NONE", {false, false, false}},
        {"BACKWARD", {true, false, false}},
        {"BACKWARD_TRANSITIVE", {true, false, true}},
        {"FORWARD", {false, true, false}},
        {"FORWARD_TRANSITIVE", {false, true, true}},
        {"FULL", {true, true, false}},
        {"FULL_TRANSITIVE", {true, true, true}},
    };
    for (size_t i = 0; i < sizeof levels / sizeof levels[0]; i++) {
        if (!str_is(level, levels[i].name))
            continue;
        *out = levels[i].demand;
        return true;
    }
    return false;
}

typedef struct Checking {
    const Subjects *registry;
    Arena *arena;
    const RegistryCheck *check;
    LevelDemand demand;
    AvroSchema *parsed; /* the new schema; NULL: not yet */
    List *why;
    RegistryRefusal *refusal;
} Checking;

static bool parse(Checking *self, Arena *arena, const RegistrySchema *schema, AvroSchema **out)
{
    AvroSource source;
    Map *ignored;
    Error error = {0};
    RegistryRefusal refusal;
    if (!schema_source(self->registry, arena, schema, false, &source, &refusal))
        return registry_refuse(self->refusal, self->arena, refusal.code, "%s", refusal.text);
    if (avro_schema_read(arena, &source, &ignored, out, &error) == OK)
        return true;
    return registry_refuse(self->refusal, self->arena, REFUSED_BAD_SCHEMA, "%s: %s", error.code,
                           error.text);
}

static void tell(Checking *self, const char *text)
{
    list_append(self->why, self->arena, (char *)text);
}

/* What is against the new one beside a version. */
static bool compare_to(Checking *self, const RegistryVersion *version, const AvroSchema *old)
{
    int32_t before = self->why->count;
    Status forward = OK, back = OK;
    Error error = {0};
    if (self->demand.reads_old)
        forward = avro_can_read(self->arena, self->parsed, old, self->why, &error);
    if (self->demand.read_by_old && forward != ERR_LIMIT)
        back = avro_can_read(self->arena, old, self->parsed, self->why, &error);
    if (forward == ERR_LIMIT || back == ERR_LIMIT)
        return registry_refuse(self->refusal, self->arena, REFUSED_BAD_SCHEMA, "%s: %s", error.code,
                               error.text);
    if (forward != OK || back != OK) {
        if (self->why->count == before)
            tell(self, "TYPE_MISMATCH");
        tell(self, arena_printf(self->arena, "against version %d, by %.*s", version->number,
                                STR_ARGS(registry_level(self->registry, self->check->subject))));
    }
    return true;
}

static bool compare(Checking *self, const RegistryVersion *version)
{
    AvroSchema *old;
    if (self->parsed == NULL && !parse(self, self->arena, self->check->schema, &self->parsed))
        return false;
    Arena *scratch = arena_new(0);
    bool is_good = parse(self, scratch, version->schema, &old) && compare_to(self, version, old);
    arena_free(scratch);
    return is_good;
}

static bool check_one(Checking *self, const RegistryVersion *version)
{
    Str type = self->check->schema->type;
    if (!str_equal(type, version->schema->type)) {
        tell(self, arena_printf(self->arena, "version %d is of type %.*s, not %.*s",
                                version->number, STR_ARGS(version->schema->type), STR_ARGS(type)));
        return true;
    }
    if (str_is(type, "AVRO"))
        return compare(self, version);
    if (str_equal(self->check->schema->text, version->schema->text))
        return true;
    return registry_refuse(
        self->refusal, self->arena, REFUSED_BAD_SCHEMA,
        "whether a schema of type %.*s is compatible with another is not known here: set "
        "the compatibility of the subject to NONE, then it is taken as it is",
        STR_ARGS(type));
}

bool registry_check(const Subjects *registry, Arena *arena, const RegistryCheck *check, List *why,
                    RegistryRefusal *refusal)
{
    Checking self = {
        .registry = registry, .arena = arena, .check = check, .why = why, .refusal = refusal};
    bool is_known = level_demand(registry_level(registry, check->subject), &self.demand);
    if (!is_known || (!self.demand.reads_old && !self.demand.read_by_old))
        return is_known || registry_refuse(refusal, arena, REFUSED_BAD_LEVEL, "the level is none");
    if (check->version != NULL)
        return check_one(&self, check->version);
    for (int32_t i = check->subject != NULL ? check->subject->count - 1 : -1; i >= 0; i--) {
        if (check->subject->versions[i].is_deleted)
            continue;
        if (!check_one(&self, &check->subject->versions[i]))
            return false;
        if (!self.demand.is_of_all)
            break;
    }
    return true;
}
