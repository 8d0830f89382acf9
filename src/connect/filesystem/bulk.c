/* Files that are read as a whole, one after the other. */
#include "connect/filesystem/bulk.h"

void bulk_add(BulkFiles *bulk, Arena *arena, const FoundFile *file, int64_t offset,
              const FileMark *mark)
{
    /* Only the file that is read first can begin behind its start. */
    if (offset > 0) {
        bulk->first_row = offset;
        bulk->mark = *mark;
    }
    list_append(&bulk->files, arena, (void *)file);
}

/* Rows are counted from the start: only in the same file are they the same. */
static Status bulk_mark(BulkFiles *bulk, const FoundFile *file, Error *error)
{
    FileMark was = bulk->mark;
    TRY(mark_whole(bulk->world, file->path, &bulk->mark, error));
    if (bulk->first_row == 0 || mark_is_same(&was, &bulk->mark))
        return OK;
    return mark_fail(file->path, "was half read, and another file has its name now", error);
}

static void bulk_reject(void *context, int64_t offset, Str record, const char *code,
                        const char *reason)
{
    const BulkFiles *bulk = context;
    bulk->reject(bulk->reject_context, bulk->file, offset, record, code, reason);
}

static Status bulk_open_file(BulkFiles *bulk, Error *error)
{
    if (bulk->reader != NULL)
        return OK;
    if (bulk->next == bulk->files.count)
        return ERR_END;
    const FoundFile *file = LIST_AT(bulk->files, bulk->next, FoundFile);
    bulk->file = file;
    bulk->next++;
    bulk->row = bulk->first_row;
    TRY(bulk_mark(bulk, file, error));
    bulk->first_row = 0;
    DecoderSpec spec = bulk->spec;
    spec.reject = bulk_reject;
    spec.reject_context = bulk;
    return bulk->kind->reader_open(&spec, file->path, bulk->row, &bulk->reader, error);
}

static void bulk_end_file(BulkFiles *bulk, BlocksItem *out)
{
    bulk->kind->reader_free(bulk->reader);
    bulk->reader = NULL;
    *out = (BlocksItem){
        .file = bulk->file, .end_offset = bulk->row, .is_file_end = true, .mark = bulk->mark};
}

/* Whether what failed is that the file went away before anything of it was read. */
static bool bulk_is_gone(const BulkFiles *bulk)
{
    FileInfo info;
    return bulk->row == 0 && bulk->file != NULL &&
           bulk->world->kind->stat(bulk->world, bulk->file->path, &info, NULL) == ERR_NOT_FOUND;
}

/* The next rows of the file, or its end. */
static Status bulk_read(BulkFiles *bulk, BlocksItem *out, Error *error)
{
    TRY(bulk_open_file(bulk, error));
    Batch *batch = batch_new(&bulk->layout->decoded, BATCH_ROWS_MAX);
    int64_t taken;
    Status status = bulk->kind->next(bulk->reader, batch, BATCH_ROWS_MAX, &taken, error);
    if (status == OK || status == ERR_END)
        bulk->row += taken;
    if (status == OK && batch->row_count == 0) {
        batch_free(batch); /* all of them were rejected */
        batch = NULL;
    }
    if (status == OK) {
        *out = (BlocksItem){
            .file = bulk->file, .batch = batch, .end_offset = bulk->row, .mark = bulk->mark};
        return OK;
    }
    batch_free(batch);
    if (status != ERR_END)
        return status;
    bulk_end_file(bulk, out);
    return OK;
}

Status bulk_next(BulkFiles *bulk, BlocksItem *out, BlocksReject *reject, void *context,
                 Error *error)
{
    Error damage = {0};
    bulk->reject = reject;
    bulk->reject_context = context;
    Status status = bulk_read(bulk, out, &damage);
    bool has_failed = status != OK && status != ERR_END;
    if (has_failed && bulk->passes_damage && bulk_is_gone(bulk)) {
        bulk_end_file(bulk, out);
        out->is_gone = true;
        return OK;
    }
    if (status == ERR_DECODE && bulk->passes_damage) {
        Buffer reason = {0};
        buffer_printf(&reason, "%s is damaged: it cannot be read behind row %lld: %s",
                      bulk->file->path, (long long)bulk->row, damage.text);
        reject(context, bulk->file, bulk->row, STR(""), BLOCKS_DAMAGED, buffer_terminated(&reason));
        buffer_free(&reason);
        bulk_end_file(bulk, out);
        return OK;
    }
    if (has_failed && error != NULL)
        *error = damage;
    return status;
}

void bulk_close(BulkFiles *bulk)
{
    if (bulk->reader != NULL)
        bulk->kind->reader_free(bulk->reader);
    bulk->reader = NULL;
}
