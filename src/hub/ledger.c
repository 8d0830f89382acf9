#include "hub/ledger.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "base/hash.h"

enum { FILE_BYTES_MAX = 64 * 1024 * 1024, LOOK_US = 1000 * 1000 };
enum { DIGITS = 8 };
enum { HOLD_TRIES = 1000, HOLD_PAUSE_US = 5 * 1000 };

Ledger ledger_make(World *world, Arena *arena, const char *folder, const char *name,
                   const char *head, const char *writer)
{
    return (Ledger){.world = world,
                    .path = arena_printf(arena, "%s/%s", folder, name),
                    .head = head,
                    .writer = writer};
}

void ledger_forget(Ledger *ledger)
{
    ledger->seen = (FileInfo){0};
    ledger->was_there = true;
}

Status ledger_fail(Ledger *ledger, int32_t number, Error *error)
{
    ledger_forget(ledger);
    Status status = fail(error, ERR_CORRUPT, "WR5501", "line %d of `%s` is not what %s has written",
                         number, ledger->path, ledger->writer);
    error_hint(error, "put the file back from a copy, or remove it and begin anew");
    return status;
}

/* The first line is the head with the checksum of the lines, or, as older versions wrote it, the
 * head alone: no bit that flips and no cut makes one of the other. */
static Status ledger_check(Ledger *ledger, Str first, Str lines, Error *error)
{
    char expected[256];
    /* Fields are kept as terminated text: the next change would write others. */
    if (lines.length > 0 && memchr(lines.data, '\0', (size_t)lines.length) != NULL)
        return ledger_fail(ledger, 2, error);
    if (str_is(first, ledger->head))
        return OK;
    int length = snprintf(expected, sizeof expected, "%s crc32c ", ledger->head);
    assert(length < (int)sizeof expected - DIGITS);
    if (first.length != length + DIGITS || !str_has_prefix(first, str_from(expected)))
        return ledger_fail(ledger, 1, error);
    snprintf(expected + length, DIGITS + 1, "%08x", crc32c(0, lines.data, lines.length));
    if (str_is(first, expected))
        return OK;
    ledger_forget(ledger);
    Status status =
        fail(error, ERR_CORRUPT, "WR5501", "`%s` is damaged: it is not what %s has written",
             ledger->path, ledger->writer);
    error_hint(error, "put the file back from a copy, or remove it and begin anew");
    return status;
}

Status ledger_look(Ledger *ledger, Arena *arena, bool *has_changed, Str *lines, Error *error)
{
    World *world = ledger->world;
    FileInfo info = {0};
    *has_changed = false;
    *lines = (Str){0};
    Status status = world->kind->stat(world, ledger->path, &info, error);
    if (status == ERR_NOT_FOUND) {
        *has_changed = ledger->was_there;
        ledger->was_there = false;
        ledger->seen = (FileInfo){0};
        return OK;
    }
    TRY(status);
    if (info.modified_us == ledger->seen.modified_us && info.size_bytes == ledger->seen.size_bytes)
        return OK;
    TRY(world_read_file(world, ledger->path, FILE_BYTES_MAX, arena, lines, error));
    Str first = str_split(*lines, '\n', lines);
    if (lines->data == NULL) /* its end is missing */
        return ledger_fail(ledger, 1, error);
    TRY(ledger_check(ledger, first, *lines, error));
    *has_changed = ledger->was_there = true;
    ledger->seen = info;
    return OK;
}

bool ledger_is_due(Ledger *ledger)
{
    int64_t now_us = world_monotonic_us(ledger->world);
    if (ledger->looked_us != 0 && now_us - ledger->looked_us < LOOK_US)
        return false;
    ledger->looked_us = now_us;
    return true;
}

Status ledger_hold(const Ledger *ledger, File **out, Error *error)
{
    World *world = ledger->world;
    char path[4096];
    if (snprintf(path, sizeof path, "%s.lock", ledger->path) >= (int)sizeof path)
        return fail(error, ERR_LIMIT, "WR5005", "path is too long: %s", ledger->path);
    for (int32_t i = 0; i < HOLD_TRIES; i++) {
        Status status = world->kind->lock(world, path, out, error);
        if (status != ERR_AGAIN)
            return status;
        world->kind->sleep_us(world, HOLD_PAUSE_US);
    }
    return fail(error, ERR_UNAVAILABLE, "WR5504", "another process does not let go of `%s`", path);
}

Status ledger_release(const Ledger *ledger, File *held, Status status, Error *error)
{
    Status closed = ledger->world->kind->close(held, status == OK ? error : NULL);
    return status != OK ? status : closed;
}

Status ledger_write(Ledger *ledger, Str lines, Error *error)
{
    World *world = ledger->world;
    Buffer out = {0};
    buffer_printf(&out, "%s crc32c %08x\n", ledger->head, crc32c(0, lines.data, lines.length));
    buffer_append_str(&out, lines);
    Status status = world_replace_private_file(world, ledger->path, buffer_str(&out), error);
    buffer_free(&out);
    FileInfo info;
    if (status == OK && world->kind->stat(world, ledger->path, &info, NULL) == OK)
        ledger->seen = info;
    ledger->was_there |= status == OK;
    return status;
}
