#include "cli/cluster/cluster.h"

#include <string.h>

static Status cluster_set(Cluster *cluster, rd_kafka_conf_t *conf, const char *key,
                          const char *value)
{
    char reason[256];
    if (rd_kafka_conf_set(conf, key, value, reason, sizeof reason) == RD_KAFKA_CONF_OK)
        return OK;
    Status status = fail(&cluster->error, ERR_INVALID, "WR7052", "%s", reason);
    error_hint(&cluster->error, "-X takes the properties of librdkafka, -X security.protocol=SSL");
    return status;
}

static Status cluster_set_all(Cluster *cluster, rd_kafka_conf_t *conf, const char *const *settings)
{
    const Cli *cli = cluster->cli;
    const char *bootstrap = cli_value(cli, "bootstrap");
    for (; settings != NULL && *settings != NULL; settings += 2)
        TRY(cluster_set(cluster, conf, settings[0], settings[1]));
    TRY(cluster_set(cluster, conf, "bootstrap.servers",
                    bootstrap != NULL ? bootstrap : "127.0.0.1:9092"));
    for (int32_t i = 0; i < cli->definitions.count; i++) {
        Str value, key = str_split(str_from(LIST_AT(cli->definitions, i, const char)), '=', &value);
        if (value.data == NULL)
            return fail(&cluster->error, ERR_INVALID, "WR7052", "-X needs KEY=VALUE");
        TRY(cluster_set(cluster, conf, str_terminated(cli->arena, key),
                        str_terminated(cli->arena, value)));
    }
    return OK;
}

/* What the client tries again by itself is not for people: the command says what became of it. */
static void drop_log(const rd_kafka_t *handle, int level, const char *facility, const char *text)
{
    (void)handle;
    (void)level;
    (void)facility;
    (void)text;
}

Status cluster_open(Cli *cli, rd_kafka_type_t type, const char *const *settings, Cluster *out)
{
    return cluster_open_with(cli, type, settings, NULL, NULL, out);
}

Status cluster_open_with(Cli *cli, rd_kafka_type_t type, const char *const *settings,
                         ClusterDelivered *delivered, void *context, Cluster *out)
{
    *out = (Cluster){.cli = cli};
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set_log_cb(conf, drop_log);
    rd_kafka_conf_set_opaque(conf, context);
    if (delivered != NULL)
        rd_kafka_conf_set_dr_msg_cb(conf, delivered);
    Status status = cluster_set_all(out, conf, settings);
    char reason[256] = "";
    if (status == OK) {
        out->handle = rd_kafka_new(type, conf, reason, sizeof reason);
        if (out->handle == NULL)
            status = fail(&out->error, ERR_INVALID, "WR7052", "%s", reason);
    }
    if (out->handle == NULL) {
        rd_kafka_conf_destroy(conf);
        return status;
    }
    out->queue = rd_kafka_queue_new(out->handle);
    return OK;
}

void cluster_close(Cluster *cluster)
{
    if (cluster->handle == NULL)
        return;
    rd_kafka_queue_destroy(cluster->queue);
    rd_kafka_destroy(cluster->handle);
    cluster->handle = NULL;
}

Status cluster_fail(Cluster *cluster, rd_kafka_resp_err_t code, const char *what,
                    const char *detail)
{
    bool is_away = code == RD_KAFKA_RESP_ERR__TRANSPORT || code == RD_KAFKA_RESP_ERR__TIMED_OUT ||
                   code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN;
    const char *bootstrap = cli_value(cluster->cli, "bootstrap");
    if (detail == NULL || detail[0] == '\0')
        detail = rd_kafka_err2str(code);
    Status status =
        is_away
            ? fail(&cluster->error, ERR_UNAVAILABLE, "WR3423", "could not %s: `%s` does not answer",
                   what, bootstrap != NULL ? bootstrap : "127.0.0.1:9092")
            : fail(&cluster->error, ERR_INVALID, "WR7050", "could not %s: %s", what, detail);
    if (is_away)
        error_hint(&cluster->error, "--bootstrap HOST:PORT says where the hub or the cluster is");
    return status;
}

/* All topics are asked for: to ask for one may make it. */
Status cluster_metadata(Cluster *cluster, const char *topic, const rd_kafka_metadata_t **out,
                        const rd_kafka_metadata_topic_t **found)
{
    rd_kafka_resp_err_t code = rd_kafka_metadata(cluster->handle, 1, NULL, out, CLUSTER_TIMEOUT_MS);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
        return cluster_fail(cluster, code, "ask for topics", NULL);
    for (int i = 0; topic != NULL && i < (*out)->topic_cnt; i++) {
        *found = &(*out)->topics[i];
        if (strcmp((*found)->topic, topic) == 0)
            return OK;
    }
    if (topic == NULL)
        return OK;
    rd_kafka_metadata_destroy(*out);
    Status status = fail(&cluster->error, ERR_NOT_FOUND, "WR7051", "there is no topic `%s`", topic);
    error_hint(&cluster->error, "`weir topic list` shows them, `weir topic create` makes one");
    return status;
}

rd_kafka_event_t *cluster_await(Cluster *cluster, rd_kafka_event_type_t type, const char *what)
{
    rd_kafka_event_t *event = rd_kafka_queue_poll(cluster->queue, CLUSTER_TIMEOUT_MS);
    rd_kafka_resp_err_t code =
        event == NULL ? RD_KAFKA_RESP_ERR__TIMED_OUT : rd_kafka_event_error(event);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR && rd_kafka_event_type(event) == type)
        return event;
    (void)cluster_fail(cluster, code, what,
                       event != NULL ? rd_kafka_event_error_string(event) : NULL);
    if (event != NULL)
        rd_kafka_event_destroy(event);
    return NULL;
}

ExitCode cluster_end(Cluster *cluster, Status status)
{
    cluster_close(cluster);
    return status == OK ? EXIT_OK : report_failure(cluster->cli, &cluster->error);
}

static Status find_time(Cluster *cluster, const char *topic, int32_t partition, int64_t time_ms,
                        int64_t *out)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, topic, partition)->offset = time_ms;
    rd_kafka_resp_err_t code =
        rd_kafka_offsets_for_times(cluster->handle, list, CLUSTER_TIMEOUT_MS);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
        code = list->elems[0].err;
    *out = list->elems[0].offset;
    rd_kafka_topic_partition_list_destroy(list);
    return code == RD_KAFKA_RESP_ERR_NO_ERROR
               ? OK
               : cluster_fail(cluster, code, "find the offset of a time", NULL);
}

Status cluster_find_offset(Cluster *cluster, const char *topic, int32_t partition, const char *text,
                           int64_t *out)
{
    int64_t low, high;
    rd_kafka_resp_err_t code = rd_kafka_query_watermark_offsets(cluster->handle, topic, partition,
                                                                &low, &high, CLUSTER_TIMEOUT_MS);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
        return cluster_fail(cluster, code, "ask for offsets", NULL);
    if (strcmp(text, "earliest") == 0) {
        *out = low;
    } else if (strcmp(text, "latest") == 0) {
        *out = high;
    } else if (text[0] == '@' && str_parse_int64(str_from(text + 1), out)) {
        TRY(find_time(cluster, topic, partition, *out, out));
        if (*out < 0)
            *out = high; /* nothing is as new */
    } else if (!str_parse_int64(str_from(text), out)) {
        return fail(&cluster->error, ERR_INVALID, "WR7005",
                    "`%s` is neither earliest, latest, an offset, nor @MILLISECONDS", text);
    }
    return OK;
}
