/* The files DIR/deploy/request and DIR/deploy/answer: a line with the checksum of the rest, lines
 * of KEY=VALUE, an empty line, a text. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "cli/deploy/deploy.h"
#include "sql/sql.h"

enum { FILE_BYTES_MAX = SQL_SCRIPT_BYTES_MAX + 64 * 1024 };

static const char *const state_names[] = {"works", "done", "failed"};

bool deploy_begin_parse(const char *text, SourceBegin *out)
{
    *out = (SourceBegin){.at = BEGIN_EARLIEST};
    if (text == NULL || strcmp(text, "earliest") == 0)
        return true;
    if (strcmp(text, "declared") == 0) {
        out->at = BEGIN_AS_DECLARED;
        return true;
    }
    out->at = BEGIN_AT_TIME;
    return text[0] == '@' && str_parse_int64(str_from(text + 1), &out->time_ms) &&
           out->time_ms >= 0;
}

static const char *begin_text(Arena *arena, SourceBegin begin)
{
    switch (begin.at) {
    case BEGIN_AS_DECLARED: return "declared";
    case BEGIN_EARLIEST: return "earliest";
    case BEGIN_AT_TIME: break;
    }
    return arena_printf(arena, "@%" PRId64, begin.time_ms);
}

static const char *file_path(Arena *arena, const char *home, const char *name)
{
    return arena_printf(arena, "%s/deploy/%s", home, name);
}

static const char *seal_line(Arena *arena, Str text)
{
    return arena_printf(arena, "crc32c=%08x", crc32c(0, text.data, text.length));
}

static Status file_put(World *world, const char *home, const char *name, Str text, Error *error)
{
    Arena *arena = arena_new(0);
    Buffer sealed = {0};
    buffer_printf(&sealed, "%s\n", seal_line(arena, text));
    buffer_append_str(&sealed, text);
    Status status = world->kind->make_folder(world, arena_printf(arena, "%s/deploy", home), error);
    if (status == OK)
        status =
            world_replace_file(world, file_path(arena, home, name), buffer_str(&sealed), error);
    buffer_free(&sealed);
    arena_free(arena);
    return status;
}

/* The value of a key in the lines before the empty one, in the arena; "" if it is not there. */
static const char *head_find(Arena *arena, Str head, const char *key)
{
    while (head.length > 0) {
        Str value;
        Str name = str_split(str_split(head, '\n', &head), '=', &value);
        if (str_is(name, key) && value.data != NULL)
            return str_terminated(arena, value);
    }
    return "";
}

static Status file_get(World *world, const char *path, Arena *arena, Str *head, Str *text,
                       Error *error)
{
    Str all;
    TRY(world_read_file(world, path, FILE_BYTES_MAX, arena, &all, error));
    Str seal = str_split(all, '\n', &all);
    int64_t end = str_find(all, STR("\n\n"));
    if (end < 0 || !str_is(seal, seal_line(arena, all)))
        return fail(error, ERR_CORRUPT, "WR7062", "`%s` was not written by weir", path);
    *head = str_make(all.data, end);
    *text = str_make(all.data + end + 2, all.length - end - 2);
    return OK;
}

Status deploy_request_put(World *world, const char *home, const DeployRequest *request,
                          Error *error)
{
    Arena *arena = arena_new(0);
    Buffer text = {0};
    buffer_printf(&text, "id=%s\nreplaces=%s\nname=%s\nsource=%s\nfrom=%s\ndry=%d\n\n", request->id,
                  request->replaces, request->name, request->source,
                  begin_text(arena, request->begin), request->is_dry);
    buffer_append_str(&text, request->script);
    Status status = file_put(world, home, "request", buffer_str(&text), error);
    buffer_free(&text);
    arena_free(arena);
    return status;
}

Status deploy_request_get(World *world, const char *home, Arena *arena, DeployRequest *out,
                          Error *error)
{
    Str head, text;
    TRY(file_get(world, file_path(arena, home, "request"), arena, &head, &text, error));
    *out = (DeployRequest){.id = head_find(arena, head, "id"),
                           .replaces = head_find(arena, head, "replaces"),
                           .name = head_find(arena, head, "name"),
                           .source = head_find(arena, head, "source"),
                           .is_dry = head_find(arena, head, "dry")[0] == '1',
                           .script = text};
    if (deploy_begin_parse(head_find(arena, head, "from"), &out->begin))
        return OK;
    return fail(error, ERR_CORRUPT, "WR7062", "the request for a deployment cannot be read");
}

bool deploy_request_stands(World *world, const char *home)
{
    FileInfo info;
    Arena *arena = arena_new(0);
    Status status = world->kind->stat(world, file_path(arena, home, "request"), &info, NULL);
    arena_free(arena);
    return status == OK;
}

Status deploy_request_drop(World *world, const char *home, const char *id, Error *error)
{
    Arena *arena = arena_new(0);
    DeployRequest request;
    Status status = OK;
    if (id != NULL)
        status = deploy_request_get(world, home, arena, &request, error);
    if (status == OK && (id == NULL || strcmp(request.id, id) == 0))
        status = world->kind->remove(world, file_path(arena, home, "request"), error);
    arena_free(arena);
    return status == ERR_NOT_FOUND ? OK : status;
}

Status deploy_answer_put(World *world, const char *home, const DeployAnswer *answer, Error *error)
{
    Buffer text = {0};
    buffer_printf(&text, "id=%s\nstate=%s\nstatus=%d\ncode=%s\nretriable=%d\nhint=%s\n\n",
                  answer->id, state_names[answer->state], (int)answer->error.status,
                  answer->error.code, answer->error.is_retriable, answer->error.hint);
    buffer_append_str(&text,
                      answer->state == DEPLOY_FAILED ? str_from(answer->error.text) : answer->text);
    Status status = file_put(world, home, "answer", buffer_str(&text), error);
    buffer_free(&text);
    return status;
}

Status deploy_answer_get(World *world, const char *home, Arena *arena, DeployAnswer *out,
                         Error *error)
{
    Str head;
    *out = (DeployAnswer){0};
    TRY(file_get(world, file_path(arena, home, "answer"), arena, &head, &out->text, error));
    out->id = head_find(arena, head, "id");
    const char *state = head_find(arena, head, "state");
    out->state = strcmp(state, "done") == 0     ? DEPLOY_DONE
                 : strcmp(state, "failed") == 0 ? DEPLOY_FAILED
                                                : DEPLOY_WORKS;
    if (out->state != DEPLOY_FAILED)
        return OK;
    Error *failure = &out->error;
    int64_t number;
    bool is_known = str_parse_int64(str_from(head_find(arena, head, "status")), &number) &&
                    number > OK && number <= ERR_INTERNAL;
    failure->status = is_known ? (Status)number : ERR_INTERNAL;
    failure->is_retriable = head_find(arena, head, "retriable")[0] == '1';
    snprintf(failure->code, sizeof failure->code, "%s", head_find(arena, head, "code"));
    snprintf(failure->hint, sizeof failure->hint, "%s", head_find(arena, head, "hint"));
    snprintf(failure->text, sizeof failure->text, "%.*s", STR_ARGS(out->text));
    return OK;
}
