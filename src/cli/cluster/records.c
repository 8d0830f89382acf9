/* weir topic produce and consume. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "cli/cluster/cluster.h"

/* ---- Producing --------------------------------------------------------------------------- */

typedef struct Producing {
    Cluster cluster;
    const char *topic, *separator;
    int32_t partition;
    int64_t sent, delivered;
    rd_kafka_resp_err_t failed; /* the first failure */
} Producing;

static void delivered(rd_kafka_t *handle, const rd_kafka_message_t *message, void *context)
{
    (void)handle;
    Producing *self = context;
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR)
        self->delivered++;
    else if (self->failed == RD_KAFKA_RESP_ERR_NO_ERROR)
        self->failed = message->err;
}

static Status produce_line(Producing *self, Str line)
{
    Str key = {0}, value = line;
    int64_t at = self->separator != NULL ? str_find(line, str_from(self->separator)) : -1;
    if (at >= 0) {
        int64_t length = (int64_t)strlen(self->separator);
        key = str_make(line.data, at);
        value = str_make(line.data + at + length, line.length - at - length);
    }
    for (;;) {
        rd_kafka_resp_err_t code = rd_kafka_producev(
            self->cluster.handle, RD_KAFKA_V_TOPIC(self->topic),
            RD_KAFKA_V_PARTITION(self->partition), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
            RD_KAFKA_V_KEY(key.data, (size_t)key.length),
            RD_KAFKA_V_VALUE((void *)value.data, (size_t)value.length), RD_KAFKA_V_OPAQUE(NULL),
            RD_KAFKA_V_END);
        rd_kafka_poll(self->cluster.handle, code == RD_KAFKA_RESP_ERR__QUEUE_FULL ? 100 : 0);
        if (code == RD_KAFKA_RESP_ERR__QUEUE_FULL)
            continue;
        if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
            return cluster_fail(&self->cluster, code, "produce a record", NULL);
        self->sent++;
        return OK;
    }
}

static Status produce_lines(Producing *self)
{
    char *line = NULL;
    size_t room = 0;
    ssize_t length;
    Status status = OK;
    while (status == OK && self->failed == RD_KAFKA_RESP_ERR_NO_ERROR &&
           (length = getline(&line, &room, stdin)) >= 0) {
        if (length > 0 && line[length - 1] == '\n')
            length--;
        status = produce_line(self, str_make(line, length));
    }
    free(line);
    return status;
}

ExitCode topic_produce(Cli *cli, const char *topic)
{
    static const char *const settings[] = {"enable.idempotence", "true",  "linger.ms", "5",
                                           "message.timeout.ms", "30000", NULL};
    int64_t partition = RD_KAFKA_PARTITION_UA;
    if (!cli_number(cli, "partitions", 0, &partition))
        return EXIT_BAD_USAGE;
    Producing self = {.topic = topic,
                      .separator = cli_value(cli, "key-separator"),
                      .partition = (int32_t)partition};
    Status status =
        cluster_open_with(cli, RD_KAFKA_PRODUCER, settings, delivered, &self, &self.cluster);
    if (status == OK)
        status = produce_lines(&self);
    while (status == OK && rd_kafka_outq_len(self.cluster.handle) > 0)
        rd_kafka_poll(self.cluster.handle, 100);
    if (status == OK && self.failed != RD_KAFKA_RESP_ERR_NO_ERROR)
        status = cluster_fail(&self.cluster, self.failed, "produce all records", NULL);
    if (status == OK || self.delivered > 0)
        report_note(cli, "%s of %s records are durable", report_count(cli->arena, self.delivered),
                    report_count(cli->arena, self.sent));
    return cluster_end(&self.cluster, status);
}

/* ---- Consuming --------------------------------------------------------------------------- */

typedef struct Consuming {
    Cluster cluster;
    const char *topic, *format;
    int64_t left; /* records; -1: any number */
    bool stops_at_end;
    int64_t *ends; /* by partition: where to stop */
    bool *is_done;
    int32_t partition_count, open_count;
    Buffer out;
} Consuming;

static void put_headers(Buffer *out, rd_kafka_message_t *message)
{
    rd_kafka_headers_t *headers;
    const char *name;
    const void *value;
    size_t bytes;
    if (rd_kafka_message_headers(message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return;
    for (size_t i = 0;
         rd_kafka_header_get_all(headers, i, &name, &value, &bytes) == RD_KAFKA_RESP_ERR_NO_ERROR;
         i++)
        buffer_printf(out, "%s%s=%.*s", i > 0 ? "," : "", name, (int)bytes,
                      value != NULL ? (const char *)value : "");
}

static void put_field(Consuming *self, char field, rd_kafka_message_t *message)
{
    Buffer *out = &self->out;
    rd_kafka_timestamp_type_t type;
    switch (field) {
    case 't': buffer_append_text(out, rd_kafka_topic_name(message->rkt)); break;
    case 'p': buffer_printf(out, "%d", message->partition); break;
    case 'o': buffer_printf(out, "%lld", (long long)message->offset); break;
    case 'T':
        buffer_printf(out, "%lld", (long long)rd_kafka_message_timestamp(message, &type));
        break;
    case 'k': buffer_append(out, message->key, (int64_t)message->key_len); break;
    case 'v':
    case 's': buffer_append(out, message->payload, (int64_t)message->len); break;
    case 'h': put_headers(out, message); break;
    default: buffer_append_char(out, field); break;
    }
}

static void put_text(Consuming *self, rd_kafka_message_t *message)
{
    Str format = str_from(self->format);
    for (int64_t i = 0; i < format.length; i++) {
        char c = format.data[i];
        char next = i + 1 < format.length ? format.data[i + 1] : '\0';
        if (c == '%' && next != '\0')
            put_field(self, next, message);
        else if (c == '\\' && (next == 'n' || next == 't'))
            buffer_append_char(&self->out, next == 'n' ? '\n' : '\t');
        else {
            buffer_append_char(&self->out, c);
            continue;
        }
        i++;
    }
}

static void put_json(Consuming *self, const rd_kafka_message_t *message)
{
    JsonWriter json = {.out = &self->out};
    rd_kafka_timestamp_type_t type;
    json_begin_object(&json);
    json_key(&json, "topic");
    json_text(&json, rd_kafka_topic_name(message->rkt));
    json_key(&json, "partition");
    json_int(&json, message->partition);
    json_key(&json, "offset");
    json_int(&json, message->offset);
    json_key(&json, "timestamp");
    json_int(&json, rd_kafka_message_timestamp(message, &type));
    json_key(&json, "key");
    if (message->key == NULL)
        json_null(&json);
    else
        json_str(&json, str_make(message->key, (int64_t)message->key_len));
    json_key(&json, "value");
    if (message->payload == NULL)
        json_null(&json);
    else
        json_str(&json, str_make(message->payload, (int64_t)message->len));
    json_end_object(&json);
    buffer_append_char(&self->out, '\n');
}

static void partition_is_done(Consuming *self, int32_t partition)
{
    if (partition >= self->partition_count || self->is_done[partition])
        return;
    self->is_done[partition] = true;
    self->open_count--;
}

static ExitCode consume_take(Consuming *self, rd_kafka_message_t *message)
{
    int32_t partition = message->partition;
    bool knows_end = self->stops_at_end && partition < self->partition_count;
    if (knows_end && message->offset >= self->ends[partition]) {
        partition_is_done(self, partition);
        return EXIT_OK;
    }
    self->out.length = 0;
    if (self->cluster.cli->is_json)
        put_json(self, message);
    else
        put_text(self, message);
    if (self->left > 0)
        self->left--;
    if (knows_end && message->offset + 1 >= self->ends[partition])
        partition_is_done(self, partition);
    return report_output(self->cluster.cli, &self->out);
}

static ExitCode consume_all(Consuming *self, Status *status)
{
    ExitCode code = EXIT_OK;
    while (code == EXIT_OK && *status == OK && self->left != 0 &&
           !(self->stops_at_end && self->open_count == 0)) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(self->cluster.handle, 1000);
        if (message == NULL)
            continue;
        if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR)
            code = consume_take(self, message);
        else if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF && self->stops_at_end)
            partition_is_done(self, message->partition);
        else if (message->err != RD_KAFKA_RESP_ERR__PARTITION_EOF &&
                 message->err != RD_KAFKA_RESP_ERR__TRANSPORT &&
                 message->err != RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN)
            *status = cluster_fail(&self->cluster, message->err, "consume",
                                   rd_kafka_message_errstr(message));
        rd_kafka_message_destroy(message);
    }
    return code;
}

/* Where it begins in each partition, and where it stops. */
static Status consume_assign(Consuming *self, const rd_kafka_metadata_topic_t *topic)
{
    const Cli *cli = self->cluster.cli;
    int64_t only = -1;
    const char *from = cli_value(cli, "offset");
    if (!cli_number(cli, "partitions", 0, &only))
        return fail(&self->cluster.error, ERR_INVALID, "WR7005", "which partition?");
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    Status status = OK;
    for (int32_t p = 0; status == OK && p < topic->partition_cnt; p++) {
        int64_t offset;
        if (only >= 0 && p != only) {
            partition_is_done(self, p);
            continue;
        }
        status = cluster_find_offset(&self->cluster, self->topic, p, from != NULL ? from : "latest",
                                     &offset);
        if (status == OK)
            status = cluster_find_offset(&self->cluster, self->topic, p, "latest", &self->ends[p]);
        if (status == OK && offset >= self->ends[p] && self->stops_at_end)
            partition_is_done(self, p);
        else if (status == OK)
            rd_kafka_topic_partition_list_add(list, self->topic, p)->offset = offset;
    }
    if (status == OK)
        rd_kafka_assign(self->cluster.handle, list);
    rd_kafka_topic_partition_list_destroy(list);
    return status;
}

static Status consume_subscribe(Consuming *self)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, self->topic, RD_KAFKA_PARTITION_UA);
    rd_kafka_resp_err_t code = rd_kafka_subscribe(self->cluster.handle, list);
    rd_kafka_topic_partition_list_destroy(list);
    return code == RD_KAFKA_RESP_ERR_NO_ERROR
               ? OK
               : cluster_fail(&self->cluster, code, "join the group", NULL);
}

static Status consume_begin(Consuming *self, bool is_member)
{
    const rd_kafka_metadata_t *metadata;
    const rd_kafka_metadata_topic_t *topic;
    Arena *arena = self->cluster.cli->arena;
    TRY(cluster_metadata(&self->cluster, self->topic, &metadata, &topic));
    int32_t count = topic->partition_cnt;
    self->partition_count = self->open_count = count;
    self->ends = ARENA_ARRAY(arena, int64_t, count);
    self->is_done = ARENA_ARRAY(arena, bool, count);
    memset(self->is_done, 0, (size_t)count);
    for (int32_t p = 0; p < count; p++)
        self->ends[p] = INT64_MAX;
    Status status = is_member ? consume_subscribe(self) : consume_assign(self, topic);
    rd_kafka_metadata_destroy(metadata);
    return status;
}

ExitCode topic_consume(Cli *cli, const char *topic)
{
    const char *group = cli_value(cli, "group"), *format = cli_value(cli, "format");
    const char *const settings[] = {"group.id",
                                    group != NULL ? group : "weir-topic-consume",
                                    "enable.auto.commit",
                                    group != NULL ? "true" : "false",
                                    "auto.offset.reset",
                                    "earliest",
                                    "enable.partition.eof",
                                    "true",
                                    NULL};
    Consuming self = {.topic = topic,
                      .format = format != NULL ? format : "%v\\n",
                      .left = -1,
                      .stops_at_end = cli_has(cli, "end")};
    if (!cli_number(cli, "number", 1, &self.left))
        return EXIT_BAD_USAGE;
    Status status = cluster_open(cli, RD_KAFKA_CONSUMER, settings, &self.cluster);
    if (status == OK) {
        rd_kafka_poll_set_consumer(self.cluster.handle);
        status = consume_begin(&self, group != NULL);
    }
    ExitCode code = status == OK ? consume_all(&self, &status) : EXIT_OK;
    buffer_free(&self.out);
    if (self.cluster.handle != NULL)
        rd_kafka_consumer_close(self.cluster.handle);
    ExitCode ended = cluster_end(&self.cluster, status);
    return code != EXIT_OK ? code : ended;
}
