#include "hub/quotas.h"

#include <assert.h>
#include <stdlib.h>

#include "base/buffer.h"
#include "base/map.h"
#include "hub/ledger.h"

enum { FIELD_COUNT = 4, USES_MAX = 10000 };

struct Quotas {
    World *world;
    Arena *own;
    Ledger ledger;
    Arena *arena; /* of the list */
    List list;    /* Quota * */
    Arena *use_arena;
    Map *uses; /* text -> Use */
};

/* What is left of a rate: that much may pass at once, a second's worth at most. */
typedef struct Use {
    double left; /* below 0: too much was */
    int64_t updated_us;
} Use;

/* ---- The file ---------------------------------------------------------------------------- */

static const char user_letters[] = "-Uu", client_letters[] = "-Cc"; /* by QuotaScope */

static bool parse_name(Str text, const char *letters, Arena *arena, QuotaName *out)
{
    if (text.length == 0)
        return false;
    for (int32_t scope = QUOTA_OF_ANY; scope <= QUOTA_OF_ONE; scope++)
        if (text.data[0] == letters[scope]) {
            *out = (QuotaName){.scope = (QuotaScope)scope,
                               .name = str_copy(arena, str_make(text.data + 1, text.length - 1))};
            return true;
        }
    return false;
}

static bool parse_rate(Str text, Arena *arena, double *out)
{
    char *end;
    const char *digits = str_terminated(arena, text);
    *out = strtod(digits, &end);
    return end != digits && *end == '\0' && *out >= 0;
}

static bool parse_quota(Str line, Arena *arena, Quota *out)
{
    Str fields[FIELD_COUNT];
    for (int32_t i = 0; i < FIELD_COUNT; i++) {
        if (line.data == NULL)
            return false;
        fields[i] = str_split(line, '\t', &line);
    }
    return line.data == NULL && parse_name(fields[0], user_letters, arena, &out->user) &&
           parse_name(fields[1], client_letters, arena, &out->client) &&
           parse_rate(fields[2], arena, &out->rates[QUOTA_PRODUCE]) &&
           parse_rate(fields[3], arena, &out->rates[QUOTA_CONSUME]);
}

static Status quotas_look(Quotas *quotas, Error *error)
{
    Arena *arena = arena_new(0), *scratch = arena_new(0);
    bool has_changed;
    Str lines;
    List list = {0};
    Status status = ledger_look(&quotas->ledger, scratch, &has_changed, &lines, error);
    for (int32_t number = 2; status == OK && lines.length > 0; number++) {
        Quota *quota = ARENA_NEW(arena, Quota);
        *quota = (Quota){0};
        if (!parse_quota(str_split(lines, '\n', &lines), arena, quota) || list.count == QUOTAS_MAX)
            status = ledger_fail(&quotas->ledger, number, error);
        list_append(&list, arena, quota);
    }
    arena_free(scratch);
    if (status != OK || !has_changed) {
        arena_free(arena);
        return status;
    }
    arena_free(quotas->arena);
    quotas->arena = arena;
    quotas->list = list;
    return OK;
}

static Status quotas_write(Quotas *quotas, Error *error)
{
    Buffer out = {0};
    for (int32_t i = 0; i < quotas->list.count; i++) {
        const Quota *quota = quotas_at(quotas, i);
        buffer_printf(&out, "%c%.*s\t%c%.*s\t%.17g\t%.17g\n", user_letters[quota->user.scope],
                      STR_ARGS(quota->user.name), client_letters[quota->client.scope],
                      STR_ARGS(quota->client.name), quota->rates[QUOTA_PRODUCE],
                      quota->rates[QUOTA_CONSUME]);
    }
    Status status = ledger_write(&quotas->ledger, buffer_str(&out), error);
    buffer_free(&out);
    if (status != OK) {
        ledger_forget(&quotas->ledger);
        Status looked = quotas_look(quotas, NULL);
        (void)looked; /* then the next change fails, too */
    }
    return status;
}

Status quotas_open(World *world, const char *folder, Quotas **out, Error *error)
{
    Arena *own = arena_new(0);
    Quotas *quotas = ARENA_NEW(own, Quotas);
    *quotas = (Quotas){
        .world = world,
        .own = own,
        .ledger = ledger_make(world, own, folder, "quotas", "weir quotas 1", "`weir hub`"),
        .arena = arena_new(0),
        .use_arena = arena_new(0),
    };
    quotas->uses = map_new(quotas->use_arena);
    Status status = world->kind->make_folder(world, folder, error);
    if (status == OK)
        status = quotas_look(quotas, error);
    if (status == OK)
        *out = quotas;
    else
        quotas_close(quotas);
    return status;
}

void quotas_close(Quotas *quotas)
{
    if (quotas == NULL)
        return;
    arena_free(quotas->use_arena);
    arena_free(quotas->arena);
    arena_free(quotas->own);
}

int32_t quotas_count(const Quotas *quotas)
{
    return quotas->list.count;
}

const Quota *quotas_at(const Quotas *quotas, int32_t index)
{
    assert(index >= 0 && index < quotas->list.count);
    return LIST_AT(quotas->list, index, Quota);
}

/* ---- Changing ---------------------------------------------------------------------------- */

static bool name_is(const QuotaName *a, QuotaScope scope, Str name)
{
    return a->scope == scope && (scope != QUOTA_OF_ONE || str_equal(a->name, name));
}

static Quota *find(const Quotas *quotas, QuotaName user, QuotaName client)
{
    for (int32_t i = 0; i < quotas->list.count; i++) {
        Quota *quota = LIST_AT(quotas->list, i, Quota);
        if (name_is(&quota->user, user.scope, user.name) &&
            name_is(&quota->client, client.scope, client.name))
            return quota;
    }
    return NULL;
}

static Status set(Quotas *quotas, const Quota *changed, Error *error)
{
    TRY(quotas_look(quotas, error));
    Quota *quota = find(quotas, changed->user, changed->client);
    if (quota == NULL && quotas->list.count == QUOTAS_MAX)
        return fail(error, ERR_LIMIT, "WR5509", "there are %d quotas, and no more can be",
                    QUOTAS_MAX);
    if (quota == NULL) {
        quota = ARENA_NEW(quotas->arena, Quota);
        *quota = (Quota){.user = changed->user, .client = changed->client};
        quota->user.name = str_copy(quotas->arena, quota->user.name);
        quota->client.name = str_copy(quotas->arena, quota->client.name);
        list_append(&quotas->list, quotas->arena, quota);
    }
    for (int32_t i = 0; i < QUOTA_KIND_COUNT; i++)
        if (changed->rates[i] >= 0)
            quota->rates[i] = changed->rates[i];
    int32_t kept = 0;
    for (int32_t i = 0; i < quotas->list.count; i++) {
        const Quota *one = quotas_at(quotas, i);
        if (one->rates[QUOTA_PRODUCE] > 0 || one->rates[QUOTA_CONSUME] > 0)
            quotas->list.items[kept++] = quotas->list.items[i];
    }
    quotas->list.count = kept;
    return quotas_write(quotas, error);
}

Status quotas_set(Quotas *quotas, const Quota *changed, Error *error)
{
    File *held;
    TRY(ledger_hold(&quotas->ledger, &held, error));
    Status status = set(quotas, changed, error);
    return ledger_release(&quotas->ledger, held, status, error);
}

/* ---- Charging ---------------------------------------------------------------------------- */

/* The entry that counts for the client. */
static const Quota *quota_for(const Quotas *quotas, QuotaKind kind, Str user, Str client)
{
    static const QuotaScope order[][2] = {
        {QUOTA_OF_ONE, QUOTA_OF_ONE},         {QUOTA_OF_ONE, QUOTA_OF_DEFAULT},
        {QUOTA_OF_ONE, QUOTA_OF_ANY},         {QUOTA_OF_DEFAULT, QUOTA_OF_ONE},
        {QUOTA_OF_DEFAULT, QUOTA_OF_DEFAULT}, {QUOTA_OF_DEFAULT, QUOTA_OF_ANY},
        {QUOTA_OF_ANY, QUOTA_OF_ONE},         {QUOTA_OF_ANY, QUOTA_OF_DEFAULT},
    };
    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++) {
        const Quota *quota =
            find(quotas, (QuotaName){order[i][0], user}, (QuotaName){order[i][1], client});
        if (quota != NULL && quota->rates[kind] > 0)
            return quota;
    }
    return NULL;
}

/* Of the user, or the client id, or both together, as the entry has them. When there are too many,
 * all begin anew. */
static Use *use_of(Quotas *quotas, QuotaKind kind, const Quota *quota, Str user, Str client)
{
    Buffer key = {0};
    buffer_append_char(&key, (char)('0' + kind));
    if (quota->user.scope != QUOTA_OF_ANY)
        buffer_append_str(&key, user);
    buffer_append_char(&key, '\0');
    if (quota->client.scope != QUOTA_OF_ANY)
        buffer_append_str(&key, client);
    Use *use = map_find(quotas->uses, buffer_str(&key));
    if (use == NULL && map_count(quotas->uses) >= USES_MAX) {
        arena_reset(quotas->use_arena);
        quotas->uses = map_new(quotas->use_arena);
    }
    if (use == NULL) {
        use = ARENA_NEW(quotas->use_arena, Use);
        *use = (Use){.left = quota->rates[kind], .updated_us = world_monotonic_us(quotas->world)};
        map_put(quotas->uses, buffer_str(&key), use);
    }
    buffer_free(&key);
    return use;
}

int64_t quotas_charge(Quotas *quotas, QuotaKind kind, Str user, Str client, int64_t bytes)
{
    const Quota *quota = quotas->list.count > 0 ? quota_for(quotas, kind, user, client) : NULL;
    if (quota == NULL || bytes == 0)
        return 0;
    double rate = quota->rates[kind];
    Use *use = use_of(quotas, kind, quota, user, client);
    int64_t now_us = world_monotonic_us(quotas->world);
    use->left += rate * (double)(now_us - use->updated_us) / 1e6;
    use->left = use->left > rate ? rate : use->left;
    use->updated_us = now_us;
    use->left -= (double)bytes;
    double least = -rate * QUOTA_WAIT_US_MAX / 1e6;
    use->left = use->left < least ? least : use->left;
    return use->left < 0 ? (int64_t)(-use->left / rate * 1e6) : 0;
}
