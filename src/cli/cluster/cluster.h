/* Inside cli/cluster/: a connection to a Kafka cluster or a hub, for `weir topic` and `weir group`.
 */
#ifndef WEIR_CLI_CLUSTER_CLUSTER_H
#define WEIR_CLI_CLUSTER_CLUSTER_H

#include <librdkafka/rdkafka.h>

#include "cli/cli.h"

enum { CLUSTER_TIMEOUT_MS = 10 * 1000 };

/* The flags that say where it is: --bootstrap and -X. */
#define CLUSTER_FLAGS                                                                              \
    {"bootstrap", 'b', FLAG_VALUE, "HOST:PORT",                                                    \
     "Address of the hub or cluster (127.0.0.1:9092)."},                                           \
    {                                                                                              \
        "property", 'X', FLAG_REPEATED, "KEY=VALUE", "A property of librdkafka."                   \
    }

typedef struct Cluster {
    Cli *cli;
    rd_kafka_t *handle;
    rd_kafka_queue_t *queue; /* of answers */
    Error error;
} Cluster;

/* `settings` are pairs of librdkafka's keys and values, ended by NULL; what the user says goes
 * before them. ERR_UNAVAILABLE (WR3423): nobody answers. */
Status cluster_open(Cli *cli, rd_kafka_type_t type, const char *const *settings, Cluster *out);
/* The same; `delivered` is told what became of each record that was produced. */
typedef void ClusterDelivered(rd_kafka_t *handle, const rd_kafka_message_t *message, void *context);
Status cluster_open_with(Cli *cli, rd_kafka_type_t type, const char *const *settings,
                         ClusterDelivered *delivered, void *context, Cluster *out);
void cluster_close(Cluster *cluster);

/* Set cluster->error from what librdkafka says. WR7050, or WR3423 where nobody answers. */
Status cluster_fail(Cluster *cluster, rd_kafka_resp_err_t code, const char *what,
                    const char *detail);

/* What there is of all topics, to be destroyed when OK; of `topic`, unless that is NULL, in *found.
 * WR7051: no such topic. */
Status cluster_metadata(Cluster *cluster, const char *topic, const rd_kafka_metadata_t **out,
                        const rd_kafka_metadata_topic_t **found);

/* The answer to a request of the admin API, to be destroyed; NULL with the error set. */
rd_kafka_event_t *cluster_await(Cluster *cluster, rd_kafka_event_type_t type, const char *what);

/* Report what is in cluster->error and close. */
ExitCode cluster_end(Cluster *cluster, Status status);

/* The offset that `text` means in a partition: earliest, latest, @MILLISECONDS, or a number. */
Status cluster_find_offset(Cluster *cluster, const char *topic, int32_t partition, const char *text,
                           int64_t *out);

ExitCode topic_produce(Cli *cli, const char *topic);
ExitCode topic_consume(Cli *cli, const char *topic);

#endif
