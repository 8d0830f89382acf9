#include "hub/acls.h"

#include <assert.h>

#include "base/buffer.h"
#include "hub/ledger.h"

enum { FIELD_COUNT = 7 };

#define PRINCIPAL_PREFIX "User:"

struct Acls {
    Arena *own;
    Ledger ledger;
    bool is_on;
    const char *super_users; /* NULL: nobody */
    Arena *arena;            /* of the rules */
    List list;               /* Acl * */
    int64_t version;
};

/* ---- The file ---------------------------------------------------------------------------- */

static bool parse_number(Str text, int64_t least, int64_t most, int64_t *out)
{
    return str_parse_int64(text, out) && *out >= least && *out <= most;
}

static bool parse_acl(Str line, Arena *arena, Acl *out)
{
    Str fields[FIELD_COUNT];
    int64_t type, pattern, operation, permission;
    for (int32_t i = 0; i < FIELD_COUNT; i++) {
        if (line.data == NULL)
            return false;
        fields[i] = str_split(line, '\t', &line);
    }
    if (line.data != NULL || !parse_number(fields[0], ACL_TOPIC, ACL_TRANSACTION, &type) ||
        !parse_number(fields[1], ACL_LITERAL, ACL_PREFIXED, &pattern) ||
        !parse_number(fields[5], ACL_ALL, ACL_OPERATION_LAST, &operation) ||
        !parse_number(fields[6], ACL_DENY, ACL_ALLOW, &permission))
        return false;
    *out = (Acl){.type = (AclType)type,
                 .pattern = (AclPattern)pattern,
                 .name = str_copy(arena, fields[2]),
                 .principal = str_copy(arena, fields[3]),
                 .host = str_copy(arena, fields[4]),
                 .operation = (AclOperation)operation,
                 .permission = (AclPermission)permission};
    return true;
}

static Status acls_look(Acls *acls, Error *error)
{
    Arena *arena = arena_new(0), *scratch = arena_new(0);
    bool has_changed;
    Str lines;
    List list = {0};
    Status status = ledger_look(&acls->ledger, scratch, &has_changed, &lines, error);
    for (int32_t number = 2; status == OK && lines.length > 0; number++) {
        Acl *acl = ARENA_NEW(arena, Acl);
        if (!parse_acl(str_split(lines, '\n', &lines), arena, acl) || list.count == ACLS_MAX)
            status = ledger_fail(&acls->ledger, number, error);
        list_append(&list, arena, acl);
    }
    arena_free(scratch);
    if (status != OK || !has_changed) {
        arena_free(arena);
        return status;
    }
    arena_free(acls->arena);
    acls->arena = arena;
    acls->list = list;
    acls->version++;
    return OK;
}

static Status acls_write(Acls *acls, Error *error)
{
    Buffer out = {0};
    for (int32_t i = 0; i < acls->list.count; i++) {
        const Acl *acl = acls_at(acls, i);
        buffer_printf(&out, "%d\t%d\t%.*s\t%.*s\t%.*s\t%d\t%d\n", (int)acl->type, (int)acl->pattern,
                      STR_ARGS(acl->name), STR_ARGS(acl->principal), STR_ARGS(acl->host),
                      (int)acl->operation, (int)acl->permission);
    }
    acls->version++;
    Status status = ledger_write(&acls->ledger, buffer_str(&out), error);
    buffer_free(&out);
    /* What is on the disk is what counts. */
    if (status != OK) {
        ledger_forget(&acls->ledger);
        Status looked = acls_look(acls, NULL);
        (void)looked; /* then the next change fails, too */
    }
    acls->is_on = acls->is_on || status == OK;
    return status;
}

Status acls_open(World *world, const char *folder, const char *super_users, Acls **out,
                 Error *error)
{
    Arena *own = arena_new(0);
    Acls *acls = ARENA_NEW(own, Acls);
    *acls = (Acls){.own = own,
                   .ledger = ledger_make(world, own, folder, "acls", "weir acls 1", "`weir hub`"),
                   .super_users = super_users,
                   .arena = arena_new(0)};
    Status status = world->kind->make_folder(world, folder, error);
    if (status == OK)
        status = acls_look(acls, error);
    acls->is_on = super_users != NULL || acls->ledger.was_there;
    if (status == OK)
        *out = acls;
    else
        acls_close(acls);
    return status;
}

void acls_close(Acls *acls)
{
    if (acls == NULL)
        return;
    arena_free(acls->arena);
    arena_free(acls->own);
}

/* ---- Asking ------------------------------------------------------------------------------ */

bool acls_are_on(const Acls *acls)
{
    return acls->is_on;
}

int64_t acls_version(const Acls *acls)
{
    return acls->version;
}

int32_t acls_count(const Acls *acls)
{
    return acls->list.count;
}

const Acl *acls_at(const Acls *acls, int32_t index)
{
    assert(index >= 0 && index < acls->list.count);
    return LIST_AT(acls->list, index, Acl);
}

static Str without_prefix(Str principal)
{
    const Str prefix = STR(PRINCIPAL_PREFIX);
    return str_has_prefix(principal, prefix)
               ? str_make(principal.data + prefix.length, principal.length - prefix.length)
               : principal;
}

static bool is_super_user(const Acls *acls, const char *user)
{
    Str rest = str_from(acls->super_users != NULL ? acls->super_users : "");
    while (rest.length > 0)
        if (str_is(without_prefix(str_trim(str_split(rest, ';', &rest))), user))
            return true;
    return false;
}

static bool acl_covers(const Acl *acl, AclType type, Str name)
{
    if (acl->type != type)
        return false;
    return acl->pattern == ACL_PREFIXED ? str_has_prefix(name, acl->name)
                                        : str_equal(acl->name, name) || str_is(acl->name, "*");
}

static bool acl_is_about(const Acl *acl, const AclAsker *asker)
{
    bool is_user = str_has_prefix(acl->principal, STR(PRINCIPAL_PREFIX)) &&
                   (str_is(acl->principal, PRINCIPAL_PREFIX "*") ||
                    str_is(without_prefix(acl->principal), asker->user));
    return is_user && (str_is(acl->host, "*") || str_is(acl->host, asker->host));
}

/* Who may read, write, delete or alter may describe; who may alter a configuration may see it. */
static bool acl_implies(const Acl *acl, AclOperation operation)
{
    AclOperation has = acl->operation;
    if (has == operation || has == ACL_ALL)
        return true;
    if (acl->permission == ACL_DENY)
        return false;
    return (operation == ACL_DESCRIBE &&
            (has == ACL_READ || has == ACL_WRITE || has == ACL_DELETE || has == ACL_ALTER)) ||
           (operation == ACL_DESCRIBE_CONFIGS && has == ACL_ALTER_CONFIGS);
}

bool acls_allow(const Acls *acls, const AclAsker *asker, AclOperation operation, AclType type,
                Str name)
{
    bool is_allowed = false;
    if (!acls->is_on || is_super_user(acls, asker->user))
        return true;
    for (int32_t i = 0; i < acls->list.count; i++) {
        const Acl *acl = acls_at(acls, i);
        if (!acl_covers(acl, type, name) || !acl_is_about(acl, asker) ||
            !acl_implies(acl, operation))
            continue;
        if (acl->permission == ACL_DENY)
            return false;
        is_allowed = true;
    }
    return is_allowed;
}

/* A name that a rule allows, and that no other denies. */
bool acls_allow_any(const Acls *acls, const AclAsker *asker, AclOperation operation, AclType type)
{
    if (!acls->is_on || is_super_user(acls, asker->user))
        return true;
    for (int32_t i = 0; i < acls->list.count; i++) {
        const Acl *acl = acls_at(acls, i);
        if (acl->type == type && acl->permission == ACL_ALLOW && acl_is_about(acl, asker) &&
            acl_implies(acl, operation) && acls_allow(acls, asker, operation, type, acl->name))
            return true;
    }
    return false;
}

/* ---- Changing ---------------------------------------------------------------------------- */

static bool acl_is(const Acl *a, const Acl *b)
{
    return a->type == b->type && a->pattern == b->pattern && a->operation == b->operation &&
           a->permission == b->permission && str_equal(a->name, b->name) &&
           str_equal(a->principal, b->principal) && str_equal(a->host, b->host);
}

static bool acls_have(const Acls *acls, const Acl *acl)
{
    for (int32_t i = 0; i < acls->list.count; i++)
        if (acl_is(acls_at(acls, i), acl))
            return true;
    return false;
}

static Status add_all(Acls *acls, const Acl *added, int32_t count, Error *error)
{
    TRY(acls_look(acls, error));
    if (acls->list.count + count > ACLS_MAX)
        return fail(error, ERR_LIMIT, "WR5508",
                    "there are %d access rules, and no more than %d can be", acls->list.count,
                    ACLS_MAX);
    for (int32_t i = 0; i < count; i++) {
        if (acls_have(acls, &added[i]))
            continue;
        Acl *acl = ARENA_NEW(acls->arena, Acl);
        *acl = added[i];
        acl->name = str_copy(acls->arena, acl->name);
        acl->principal = str_copy(acls->arena, acl->principal);
        acl->host = str_copy(acls->arena, acl->host);
        list_append(&acls->list, acls->arena, acl);
    }
    return acls_write(acls, error);
}

Status acls_add(Acls *acls, const Acl *added, int32_t count, Error *error)
{
    File *held;
    TRY(ledger_hold(&acls->ledger, &held, error));
    Status status = add_all(acls, added, count, error);
    return ledger_release(&acls->ledger, held, status, error);
}

static bool name_fits(const Acl *acl, const AclFilter *filter)
{
    if (filter->name.data == NULL)
        return true;
    if (filter->pattern != ACL_MATCHING)
        return str_equal(acl->name, filter->name);
    return acl_covers(acl, acl->type, filter->name);
}

bool acl_fits(const Acl *acl, const AclFilter *filter)
{
    bool is_pattern = filter->pattern == ACL_ANY || filter->pattern == ACL_MATCHING ||
                      filter->pattern == (int32_t)acl->pattern;
    return is_pattern && name_fits(acl, filter) &&
           (filter->type == ACL_ANY || filter->type == (int32_t)acl->type) &&
           (filter->operation == ACL_ANY || filter->operation == (int32_t)acl->operation) &&
           (filter->permission == ACL_ANY || filter->permission == (int32_t)acl->permission) &&
           (filter->principal.data == NULL || str_equal(filter->principal, acl->principal)) &&
           (filter->host.data == NULL || str_equal(filter->host, acl->host));
}

static Status remove_all(Acls *acls, const AclFilter *filters, int32_t count, Error *error)
{
    int32_t kept = 0;
    TRY(acls_look(acls, error));
    for (int32_t i = 0; i < acls->list.count; i++) {
        bool fits = false;
        for (int32_t k = 0; k < count && !fits; k++)
            fits = acl_fits(acls_at(acls, i), &filters[k]);
        if (!fits)
            acls->list.items[kept++] = acls->list.items[i];
    }
    if (kept == acls->list.count)
        return OK;
    acls->list.count = kept;
    return acls_write(acls, error);
}

Status acls_remove(Acls *acls, const AclFilter *filters, int32_t count, Error *error)
{
    File *held;
    TRY(ledger_hold(&acls->ledger, &held, error));
    Status status = remove_all(acls, filters, count, error);
    return ledger_release(&acls->ledger, held, status, error);
}
