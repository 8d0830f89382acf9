/* weir fsck: is the durable log whole? */
#include "log/fsck.h"
#include "base/json.h"
#include "cli/cli.h"

static void print_text(const FsckReport *report, Buffer *out)
{
    for (int32_t i = 0; i < report->partitions.count; i++) {
        const FsckPartition *partition = LIST_AT(report->partitions, i, FsckPartition);
        buffer_printf(out, "%-30s offsets %lld to %lld, %lld records in %lld batches, %lld bytes\n",
                      partition->name, (long long)partition->start_offset,
                      (long long)partition->end_offset, (long long)partition->records,
                      (long long)partition->batches, (long long)partition->bytes);
    }
    for (int32_t i = 0; i < report->findings.count; i++) {
        const FsckFinding *finding = LIST_AT(report->findings, i, FsckFinding);
        buffer_printf(out, "%-8s %s", fsck_kind_name(finding->kind), finding->path);
        if (finding->position >= 0)
            buffer_printf(out, " at byte %lld", (long long)finding->position);
        if (finding->offset >= 0)
            buffer_printf(out, ", from offset %lld on", (long long)finding->offset);
        buffer_printf(out, ": %s\n", finding->text);
    }
}

static void print_partition_json(JsonWriter *json, const FsckPartition *partition)
{
    json_begin_object(json);
    json_key(json, "name");
    json_text(json, partition->name);
    json_key(json, "start_offset");
    json_int(json, partition->start_offset);
    json_key(json, "end_offset");
    json_int(json, partition->end_offset);
    json_key(json, "records");
    json_int(json, partition->records);
    json_key(json, "batches");
    json_int(json, partition->batches);
    json_key(json, "bytes");
    json_int(json, partition->bytes);
    json_key(json, "segments");
    json_int(json, partition->segments);
    json_end_object(json);
}

static void print_json(const FsckReport *report, Buffer *out)
{
    JsonWriter json = {.out = out};
    json_begin_object(&json);
    json_key(&json, "schema");
    json_text(&json, "weir.v1.Fsck");
    json_key(&json, "partitions");
    json_begin_array(&json);
    for (int32_t i = 0; i < report->partitions.count; i++)
        print_partition_json(&json, LIST_AT(report->partitions, i, FsckPartition));
    json_end_array(&json);
    json_key(&json, "findings");
    json_begin_array(&json);
    for (int32_t i = 0; i < report->findings.count; i++) {
        const FsckFinding *finding = LIST_AT(report->findings, i, FsckFinding);
        json_begin_object(&json);
        json_key(&json, "kind");
        json_text(&json, fsck_kind_name(finding->kind));
        json_key(&json, "path");
        json_text(&json, finding->path);
        json_key(&json, "position");
        json_int(&json, finding->position);
        json_key(&json, "offset");
        json_int(&json, finding->offset);
        json_key(&json, "text");
        json_text(&json, finding->text);
        json_end_object(&json);
    }
    json_end_array(&json);
    json_end_object(&json);
    buffer_append_char(out, '\n');
}

static ExitCode fsck_run(Cli *cli)
{
    FsckReport report;
    Error error = {0};
    const char *folder = LIST_AT(cli->arguments, 0, const char);
    if (fsck_log(cli->world, folder, cli->arena, &report, &error) != OK)
        return report_failure(cli, &error);
    Buffer text = {0};
    if (cli->is_json)
        print_json(&report, &text);
    else
        print_text(&report, &text);
    ExitCode code = report_output(cli, &text);
    buffer_free(&text);
    if (code != EXIT_OK || report.damaged == 0)
        return code;
    report_note(cli, "%d places are damaged", (int)report.damaged);
    return EXIT_CHECK_FAILED;
}

const Command fsck_command = {
    .name = "fsck",
    .arguments = "DIR",
    .summary = "Look at every byte of a durable log that is not in use.",
    .details = "DIR is the folder that holds the file `marks`. Nothing is changed. Exit code 1 if\n"
               "something that was acknowledged is damaged or missing; a torn end, which a start\n"
               "cuts off, and indexes that a start makes again are only named.",
    .argument_min = 1,
    .argument_max = 1,
    .run = fsck_run,
};
