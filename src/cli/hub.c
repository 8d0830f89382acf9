/* weir hub: the durable log, open to Kafka's clients. */
#include <pthread.h>
#include <signal.h>
#include <string.h>

#include "cli/cli.h"
#include "door/door.h"
#include "kafka/server.h"

enum { RETENTION_MINUTES_MAX = 100 * 366 * 24 * 60, LIFETIME_SECONDS_MAX = 10 * 366 * 86400 };

static const Flag hub_flags[] = {
    {"listen", 0, FLAG_VALUE, "HOST:PORT,…", "Address for clients, or several (127.0.0.1:9092)."},
    {"advertise", 0, FLAG_VALUE, "HOST:PORT,…",
     "Where clients are sent, behind NAT, in a container or for TLS (the address of --listen); "
     "one for each."},
    {"data-dir", 0, FLAG_VALUE, "DIR", "Folder of the log (weir-data): DIR/hub."},
    {"partitions", 0, FLAG_VALUE, "N", "Partitions of topics that are made without saying (1)."},
    {"no-auto-create", 0, FLAG_SWITCH, NULL, "Do not make topics that clients only name."},
    {"http", 0, FLAG_VALUE, "HOST:PORT", "Address of the HTTP door (127.0.0.1:8084)."},
    {"tables", 0, FLAG_VALUE, "FILE.sql",
     "A script whose tables say what the records of their topics have to be."},
    {"define", 'D', FLAG_REPEATED, "KEY=VALUE", "Set a setting, above every SET of the script."},
    {"no-http", 0, FLAG_SWITCH, NULL, "No HTTP door."},
    {"max-body", 0, FLAG_VALUE, "BYTES", "The largest body of an HTTP request (10485760)."},
    {"disk-reserve", 0, FLAG_VALUE, "BYTES",
     "Refuse records while less is left on the disk (1 % of it, at most 64 MB); 0: never."},
    {"offsets-retention-minutes", 0, FLAG_VALUE, "N",
     "How long offsets of groups without members are kept (10080: a week); 0: for ever."},
    {"tls-cert", 0, FLAG_VALUE, "FILE",
     "The hub's certificate (PEM), of clients and of HTTP; a new file counts within a second."},
    {"tls-key", 0, FLAG_VALUE, "FILE", "Its key (PEM)."},
    {"tls-client-ca", 0, FLAG_VALUE, "FILE",
     "Who connects needs a certificate of these authorities (PEM)."},
    {"sasl", 0, FLAG_VALUE, "MECHANISMS",
     "Kafka clients have to log in: PLAIN,SCRAM-SHA-256,SCRAM-SHA-512; see `weir user`."},
    {"sasl-lifetime-seconds", 0, FLAG_VALUE, "N",
     "After how long clients have to log in again (while the connection lasts)."},
    {"super-users", 0, FLAG_VALUE, "NAMES",
     "Access rules count; these users may everything: 'alice;User:CN=ops,O=Example'."},
    {"allow-plaintext", 0, FLAG_SWITCH, NULL,
     "Listen beyond this machine, without encryption and passwords."},
};

typedef struct HubWatch {
    Hub *hub;
    pthread_t thread;
    _Atomic bool is_over;
} HubWatch;

static sigset_t hub_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGUSR2);
    return set;
}

static void *hub_watch(void *context)
{
    HubWatch *watch = context;
    sigset_t set = hub_signals();
    int number = 0;
    while (sigwait(&set, &number) != 0 || (number == SIGUSR2 && !watch->is_over))
        continue;
    if (number != SIGUSR2)
        hub_stop(watch->hub);
    return NULL;
}

/* The addresses that are told; an empty one says that clients are told where they came. */
static void advertised_print(Buffer *out, const char *list)
{
    Str rest = list == NULL ? (Str){0} : str_from(list);
    while (rest.data != NULL) {
        Str told = str_trim(str_split(rest, ',', &rest));
        if (told.length > 0)
            buffer_printf(out, "%s%.*s", out->length == 0 ? ", for clients at " : " and ",
                          STR_ARGS(told));
    }
}

static ExitCode hub_serve(Cli *cli, Hub *hub, Error *error)
{
    HubWatch watch = {.hub = hub};
    if (pthread_create(&watch.thread, NULL, hub_watch, &watch) != 0) {
        (void)fail_thread(error, "for signals");
        return report_failure(cli, error);
    }
    Buffer told = {0};
    advertised_print(&told, cli_value(cli, "advertise"));
    report_note(cli, "hub at %s%s%.*s", hub_addresses(hub),
                cli_has(cli, "tls-cert") ? " (TLS)" : "", STR_ARGS(buffer_str(&told)));
    buffer_free(&told);
    Status status = hub_run(hub, error);
    watch.is_over = true;
    pthread_kill(watch.thread, SIGUSR2);
    pthread_join(watch.thread, NULL);
    return status == OK ? EXIT_OK : report_failure(cli, error);
}

/* To be open to whoever comes is a mistake of the configuration. */
static ExitCode hub_report(Cli *cli, const Error *error)
{
    ExitCode code = report_failure(cli, error);
    bool is_open = strcmp(error->code, "WR5403") == 0 || strcmp(error->code, "WR6018") == 0;
    return is_open ? EXIT_BAD_CONFIG : code;
}

/* The tables of the script that --tables names. */
static ExitCode hub_load_tables(Cli *cli, DoorConfig *out)
{
    const char *path = cli_value(cli, "tables");
    Script *script = ARENA_NEW(cli->arena, Script);
    *script = (Script){0};
    Error error = {0};
    if (path == NULL)
        return EXIT_OK;
    if (load_source(cli, path, &script->source, &error) != OK)
        return report_failure(cli, &error);
    ExitCode code = load_plan(cli, script);
    if (code != EXIT_OK)
        return code;
    List found = {0};
    for (int32_t i = 0; i < script->plan->tables.count; i++) {
        const PlanTable *table = LIST_AT(script->plan->tables, i, PlanTable);
        TopicRecord *records;
        int32_t count = kafka_topic_records(cli->arena, table, &records);
        for (int32_t k = 0; k < count; k++) {
            DoorTable *one = ARENA_NEW(cli->arena, DoorTable);
            *one = (DoorTable){.name = str_terminated(cli->arena, table->name),
                               .record = records[k],
                               .options = table->options.options,
                               .zone = script->plan->settings.zone};
            list_append(&found, cli->arena, one);
        }
    }
    out->tables = (const DoorTable *const *)found.items;
    out->table_count = found.count;
    return EXIT_OK;
}

/* The door beside it, and both until they end. */
static ExitCode hub_serve_with_door(Cli *cli, Hub *hub, const HubConfig *config, int64_t body_bytes)
{
    Error error = {0};
    Door *door = NULL;
    Status status = OK;
    DoorConfig door_config = {
        .world = cli->world,
        .topics = hub_topics(hub),
        .listen = cli_value(cli, "http"),
        .tls = config->tls,
        .allows_plaintext = config->allows_plaintext,
        .creates_topics = config->creates_topics,
        .default_partitions = config->default_partitions,
        .content_bytes_max = body_bytes,
        .keys = config->logins.keys,
        .registry = registry_new(cli->world, hub_topics(hub)),
    };
    ExitCode code = hub_load_tables(cli, &door_config);
    if (code == EXIT_OK && status == OK && !cli_has(cli, "no-http"))
        status = door_open(&door_config, &door, &error);
    if (code == EXIT_OK && status == OK) {
        if (door != NULL)
            report_note(cli, "HTTP at %s", door_url(door));
        code = hub_serve(cli, hub, &error);
    } else if (code == EXIT_OK) {
        code = hub_report(cli, &error);
    }
    door_close(door);
    registry_free(door_config.registry);
    Status closed = hub_close(hub, code == EXIT_OK ? &error : NULL);
    return code != EXIT_OK || closed == OK ? code : report_failure(cli, &error);
}

/* The flags of TLS and logins. */
static ExitCode hub_read_security(Cli *cli, HubConfig *config)
{
    const char *mechanisms = cli_value(cli, "sasl");
    int64_t lifetime_seconds = 0;
    config->tls = (TlsFiles){.cert = cli_value(cli, "tls-cert"),
                             .key = cli_value(cli, "tls-key"),
                             .client_ca = cli_value(cli, "tls-client-ca")};
    config->allows_plaintext = cli_has(cli, "allow-plaintext");
    if ((config->tls.cert == NULL) != (config->tls.key == NULL) ||
        (config->tls.cert == NULL && config->tls.client_ca != NULL))
        return report_usage(cli, "WR7003", "--tls-cert FILE --tls-key FILE [--tls-client-ca FILE]",
                            "TLS needs a certificate and its key");
    if (!cli_number(cli, "sasl-lifetime-seconds", 1, &lifetime_seconds))
        return EXIT_BAD_USAGE;
    if (lifetime_seconds > LIFETIME_SECONDS_MAX)
        lifetime_seconds = LIFETIME_SECONDS_MAX;
    config->logins.lifetime_ms = lifetime_seconds * 1000;
    for (Str rest = str_from(mechanisms != NULL ? mechanisms : ""); rest.length > 0;) {
        Str name = str_split(rest, ',', &rest);
        Mechanism mechanism = mechanism_of(name);
        if (mechanism == MECHANISM_NONE)
            return report_usage(cli, "WR7003", "--sasl PLAIN,SCRAM-SHA-256,SCRAM-SHA-512",
                                "`%.*s` is no mechanism", STR_ARGS(name));
        config->logins.mechanisms |= 1u << mechanism;
    }
    return EXIT_OK;
}

static ExitCode hub_open_and_serve(Cli *cli, HubConfig *config, int64_t body_bytes)
{
    Error error = {0};
    Hub *hub = NULL;
    Status status = keys_open(cli->world, config->folder, &config->logins.keys, &error);
    if (status == OK)
        status = users_open(cli->world, config->folder, &config->logins.users, &error);
    if (status == OK)
        status = acls_open(cli->world, config->folder, cli_value(cli, "super-users"), &config->acls,
                           &error);
    if (status == OK)
        status = quotas_open(cli->world, config->folder, &config->quotas, &error);
    if (status == OK)
        status = hub_open(config, &hub, &error);
    ExitCode code =
        status == OK ? hub_serve_with_door(cli, hub, config, body_bytes) : hub_report(cli, &error);
    quotas_close(config->quotas);
    acls_close(config->acls);
    users_close(config->logins.users);
    keys_close(config->logins.keys);
    return code;
}

static ExitCode hub_run_command(Cli *cli)
{
    int64_t partitions = 1, body_bytes = 0, retention_minutes = 7 * 24 * 60;
    int64_t reserve_bytes = LOG_RESERVE_DEFAULT;
    if (!cli_number(cli, "partitions", 1, &partitions) ||
        !cli_number(cli, "max-body", 1, &body_bytes) ||
        !cli_number(cli, "disk-reserve", 0, &reserve_bytes) ||
        !cli_number(cli, "offsets-retention-minutes", 0, &retention_minutes))
        return EXIT_BAD_USAGE;
    sigset_t set = hub_signals();
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    const char *listen = cli_value(cli, "listen");
    HubConfig config = {
        .world = cli->world,
        .folder = arena_printf(cli->arena, "%s/hub", cli_data_dir(cli)),
        .listen = listen != NULL ? listen : "127.0.0.1:9092",
        .advertise = cli_value(cli, "advertise"),
        .creates_topics = !cli_has(cli, "no-auto-create"),
        .offsets_retention_ms = retention_minutes < RETENTION_MINUTES_MAX
                                    ? retention_minutes * 60 * 1000
                                    : RETENTION_MINUTES_MAX * INT64_C(60000),
        .disk_reserve_bytes = reserve_bytes,
        .default_partitions =
            partitions < TOPIC_PARTITIONS_MAX ? (int32_t)partitions : TOPIC_PARTITIONS_MAX,
    };
    ExitCode code = hub_read_security(cli, &config);
    return code == EXIT_OK ? hub_open_and_serve(cli, &config, body_bytes) : code;
}

const Command hub_command = {
    .name = "hub",
    .arguments = "",
    .summary = "Keep topics in a durable log and serve them to Kafka clients.",
    .details =
        "docs/hub.md lists the requests that are understood and what is left to a real Kafka.",
    .flags = hub_flags,
    .flag_count = sizeof hub_flags / sizeof hub_flags[0],
    .argument_min = 0,
    .argument_max = 0,
    .run = hub_run_command,
};
