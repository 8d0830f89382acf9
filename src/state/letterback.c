/* Letters that come again are set aside. */
#include "state/letterback.h"

#include <string.h>

#include "base/buffer.h"
#include "state/letter.h"

enum { COPY_BYTES = 1 << 20 };

static const char suffix[] = ".jsonl";

/* One file on its way back. */
typedef struct Returning {
    World *world;
    const LetterReturn *back;
    Arena *arena;
    Str name;
    const char *path;
    int64_t kept_bytes; /* in front of what was written since */
    const char *aside;
    Buffer own, others; /* lines that wait to be written */
    File *own_file;     /* NULL: no letter goes */
    File *others_file;  /* NULL while none is among them: the file is only cut */
    int64_t own_count, stayed_count, damaged_count;
    Status status;
    Error *error;
} Returning;

/* ---- Lines to where they belong ------------------------------------------------------------ */

static void returning_try(Returning *self, Status status)
{
    self->status = self->status == OK ? status : self->status;
}

static void returning_flush(Returning *self, File *file, Buffer *lines)
{
    if (self->status == OK && lines->length > 0)
        self->status = self->world->kind->write(file, lines->data, lines->length, self->error);
    lines->length = 0;
}

/* The first name that is free. */
static const char *returning_name(Returning *self, const char *folder)
{
    FileInfo info;
    const char *path;
    int32_t number = 0;
    do
        path = arena_printf(self->arena, "%s/%.*s-%d%s", folder,
                            (int)(self->name.length - (int64_t)strlen(suffix)), self->name.data,
                            ++number, suffix);
    while (self->world->kind->stat(self->world, path, &info, NULL) == OK);
    return path;
}

static void returning_open_own(Returning *self)
{
    World *world = self->world;
    const char *folder = arena_printf(self->arena, "%s/superseded", self->back->folder);
    returning_try(self, world->kind->make_folder(world, folder, self->error));
    if (self->status != OK)
        return;
    self->aside = returning_name(self, folder);
    self->status = world->kind->open(world, self->aside, FILE_CREATE, &self->own_file, self->error);
}

/* The file anew, with what stays in it from before. */
static void returning_open_others(Returning *self)
{
    World *world = self->world;
    File *from = NULL;
    const char *anew = arena_printf(self->arena, "%s.tmp", self->path);
    returning_try(self, world->kind->open(world, self->path, FILE_READ, &from, self->error));
    if (self->status != OK)
        return;
    self->status = world->kind->open(world, anew, FILE_CREATE, &self->others_file, self->error);
    Buffer block = {0};
    for (int64_t at = 0; self->status == OK && at < self->kept_bytes; at += block.length) {
        int64_t left = self->kept_bytes - at, wanted = left < COPY_BYTES ? left : COPY_BYTES;
        block.length = 0;
        int64_t got = 0;
        self->status = world->kind->read_at(from, at, buffer_reserve(&block, wanted), wanted, &got,
                                            self->error);
        if (self->status == OK && got < wanted)
            self->status = fail(self->error, ERR_IO, "WR5001",
                                "`%s` became shorter while it was read", self->path);
        block.length = got;
        if (self->status == OK)
            self->status = world->kind->write(self->others_file, block.data, got, self->error);
    }
    buffer_free(&block);
    (void)!world->kind->close(from, NULL);
}

static bool returning_keep(Returning *self, Str line, const char *end)
{
    if (self->others_file == NULL)
        returning_open_others(self);
    buffer_append_str(&self->others, line);
    buffer_append_text(&self->others, end);
    if (self->others.length >= COPY_BYTES)
        returning_flush(self, self->others_file, &self->others);
    return self->status == OK;
}

/* Whose it was cannot be told, so it stays where a person finds it. */
static bool returning_keep_damaged(Returning *self, Str line, const Letter *letter)
{
    const LetterNotice *notice = &self->back->notice;
    if (self->damaged_count++ == 0)
        notice->say(notice->context,
                    arena_printf(self->arena,
                                 "%.*s (%.*s): it stays, and so do others like it; if its record "
                                 "is still bad, that comes again",
                                 STR_ARGS(letter->reason), STR_ARGS(letter->code)));
    return returning_keep(self, line, letter->is_cut ? "" : "\n");
}

static bool returning_take(void *context, Str line, const Letter *letter)
{
    Returning *self = context;
    const LetterReturn *back = self->back;
    if (letter->is_damaged)
        return returning_keep_damaged(self, line, letter);
    bool is_own = str_equal(letter->pipeline, back->writer);
    bool stays = is_own && back->stays != NULL && back->stays(back->stays_context, letter->table);
    self->stayed_count += stays;
    if (!is_own || stays)
        return returning_keep(self, line, "\n");
    if (self->own_file == NULL)
        returning_open_own(self);
    self->own_count++;
    buffer_append_str(&self->own, line);
    buffer_append_char(&self->own, '\n');
    if (self->own.length >= COPY_BYTES)
        returning_flush(self, self->own_file, &self->own);
    return self->status == OK;
}

/* ---- One file ------------------------------------------------------------------------------ */

static void returning_close(Returning *self, File **file, Buffer *lines)
{
    World *world = self->world;
    if (*file == NULL)
        return;
    returning_flush(self, *file, lines);
    if (self->status == OK)
        self->status = world->kind->sync(*file, self->error);
    Status closed = world->kind->close(*file, self->status == OK ? self->error : NULL);
    returning_try(self, closed);
    *file = NULL;
}

/* What went is durable elsewhere before it goes here. */
static Status returning_end(Returning *self, bool has_others)
{
    World *world = self->world;
    const char *folder = self->back->folder;
    TRY(self->status);
    TRY(world->kind->sync_folder(world, arena_printf(self->arena, "%s/superseded", folder),
                                 self->error));
    TRY(world->kind->sync_folder(world, folder, self->error));
    if (has_others)
        TRY(world->kind->rename(world, arena_printf(self->arena, "%s.tmp", self->path), self->path,
                                self->error));
    else
        TRY(lettermark_cut(world, self->path, self->kept_bytes, self->error));
    return world->kind->sync_folder(world, folder, self->error);
}

static void returning_say(const Returning *self)
{
    const LetterNotice *notice = &self->back->notice;
    notice->say(notice->context,
                arena_printf(self->arena,
                             "%lld dead letters in `%s` were written behind the place that is gone "
                             "back to: what is still bad comes again, and they are in `%s` now",
                             (long long)self->own_count, self->path, self->aside));
}

static void returning_say_what_stays(const Returning *self)
{
    const LetterNotice *notice = &self->back->notice;
    notice->say(notice->context,
                arena_printf(self->arena,
                             "%lld dead letters in `%s` stay: not all that is read begins at its "
                             "beginning, so they do not come again",
                             (long long)self->stayed_count, self->path));
}

static Status returning_file(Returning *self)
{
    int64_t offset = self->kept_bytes;
    LetterTaker taker = {.take = returning_take, .context = self};
    Status status = letters_read(self->world, self->path, &offset, &taker, self->error);
    returning_try(self, status);
    bool has_others = self->others_file != NULL, has_own = self->own_file != NULL;
    returning_close(self, &self->own_file, &self->own);
    returning_close(self, &self->others_file, &self->others);
    if (self->status == OK && has_own)
        self->status = returning_end(self, has_others);
    else if (has_others)
        (void)!self->world->kind->remove(self->world,
                                         arena_printf(self->arena, "%s.tmp", self->path), NULL);
    if (self->status == OK && has_own)
        returning_say(self);
    if (self->status == OK && self->stayed_count > 0)
        returning_say_what_stays(self);
    buffer_free(&self->own);
    buffer_free(&self->others);
    return self->status;
}

/* ---- The folder ---------------------------------------------------------------------------- */

/* The length of the file in the checkpoint. False: it says nothing of that. */
static bool back_length(const LetterReturn *back, Str name, LetterLength *out)
{
    const List *lengths = &back->state->lengths;
    *out = (LetterLength){.name = name};
    for (int32_t i = 0; i < lengths->count; i++) {
        const LetterLength *length = LIST_AT(*lengths, i, LetterLength);
        if (str_equal(length->name, name)) {
            *out = *length;
            return true;
        }
    }
    return back->state->knows_all;
}

static Status back_file(World *world, const LetterReturn *back, const LetterLength *now,
                        Arena *arena, Error *error)
{
    LetterLength then;
    if (!back_length(back, now->name, &then) || then.bytes == now->bytes)
        return OK;
    const char *path = arena_printf(arena, "%s/%.*s", back->folder, STR_ARGS(now->name));
    uint32_t check = 0;
    if (then.bytes < now->bytes)
        TRY(lettermark_check(world, path, then.bytes, &check, error));
    if (then.bytes > now->bytes || check != then.check) {
        back->notice.say(back->notice.context,
                         arena_printf(arena,
                                      "`%s` is not as the checkpoint that is gone back to left it: "
                                      "what is set aside again stands twice in it",
                                      path));
        return OK;
    }
    return returning_file(&(Returning){.world = world,
                                       .back = back,
                                       .arena = arena,
                                       .name = now->name,
                                       .path = path,
                                       .kept_bytes = then.bytes,
                                       .error = error});
}

Status letterback_set_aside(World *world, const LetterReturn *back, Error *error)
{
    Arena *arena = arena_new(0);
    List files = {0};
    Status status = lettermark_measure(world, back->folder, arena, &files, error);
    for (int32_t i = 0; status == OK && i < files.count; i++)
        status = back_file(world, back, LIST_AT(files, i, LetterLength), arena, error);
    arena_free(arena);
    return status;
}
