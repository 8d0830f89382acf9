/* Parquet files one after the other. */
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

static Status bulk_open_file(BulkFiles *bulk, Arena *arena, Error *error)
{
    const FileLayout *layout = bulk->layout;
    if (bulk->reader != NULL)
        return OK;
    if (bulk->next == bulk->files.count)
        return ERR_END;
    const FoundFile *file = LIST_AT(bulk->files, bulk->next, FoundFile);
    TRY(bulk_mark(bulk, file, error));
    Schema wanted =
        schema_pick(arena, &layout->record, layout->record_columns, layout->decoded_count);
    TRY(parquet_reader_open(file->path, &wanted, layout->paths, bulk->first_row, &bulk->reader,
                            error));
    bulk->file = file;
    bulk->next++;
    bulk->row = bulk->first_row;
    bulk->first_row = 0;
    return OK;
}

Status bulk_next(BulkFiles *bulk, Arena *arena, BlocksItem *out, Error *error)
{
    TRY(bulk_open_file(bulk, arena, error));
    Batch *batch = batch_new(&bulk->layout->decoded, BATCH_ROWS_MAX);
    Status status = parquet_reader_next(bulk->reader, batch, BATCH_ROWS_MAX, error);
    if (status == OK) {
        bulk->row += batch->row_count;
        *out = (BlocksItem){
            .file = bulk->file, .batch = batch, .end_offset = bulk->row, .mark = bulk->mark};
        return OK;
    }
    batch_free(batch);
    if (status != ERR_END)
        return status;
    parquet_reader_free(bulk->reader);
    bulk->reader = NULL;
    *out = (BlocksItem){
        .file = bulk->file, .end_offset = bulk->row, .is_file_end = true, .mark = bulk->mark};
    return OK;
}

void bulk_close(BulkFiles *bulk)
{
    parquet_reader_free(bulk->reader);
    bulk->reader = NULL;
}
