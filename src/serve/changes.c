/* Server-sent events. A follower with nothing to read is suspended, which costs no thread; one
 * thread looks after all suspended ones and resumes those whose table has moved on or whose
 * heartbeat is due. A slow reader falls behind the kept history, is told so and cut off; its last
 * id lets it resume or start over. */
#include "serve/internal.h"

#include <string.h>

#include "base/memory.h"

enum {
    FOLLOWER_BATCH = 256,
    FOLLOWER_BLOCK_BYTES = 16384,
    FOLLOWER_LOOK_US = 20 * 1000,
};

struct Follower {
    Follower *next;
    Server *server;
    ServedTable *table;
    int64_t generation; /* of the server's tables that it is one of: else it is gone */
    struct MHD_Connection *connection;
    int64_t sequence;
    int64_t last_sent_us;
    Buffer pending;
    int64_t pending_taken;
    bool is_suspended; /* under follower_mutex */
    bool is_lost;
};

/* JSON lines to events. */
static void append_events(Buffer *out, Str lines)
{
    while (lines.length > 0) {
        Str line = str_split(lines, '\n', &lines);
        int64_t seq_at = str_find(line, STR("\"seq\":"));
        Str seq = str_make(line.data + seq_at + 6, line.length - seq_at - 6);
        Str rest;
        seq = str_split(seq, ',', &rest);
        buffer_printf(out, "id: %.*s\nevent: change\ndata: ", STR_ARGS(seq));
        buffer_append_str(out, line);
        buffer_append_text(out, "\n\n");
    }
}

/* Under the lock of the tables. */
static Status follower_read_changes(Follower *follower, Buffer *lines, Error *error)
{
    if (follower->generation != follower->server->generation)
        return fail(error, ERR_LOST, "WR6024",
                    "the pipeline was replaced: read the rows, then follow anew");
    return served_changes_json(follower->table, follower->sequence, FOLLOWER_BATCH, lines,
                               &follower->sequence, error);
}

static void follower_fill(Follower *follower, int64_t now_us)
{
    Buffer lines = {0};
    Error error = {0};
    pthread_rwlock_rdlock(&follower->server->tables_lock);
    Status status = follower_read_changes(follower, &lines, &error);
    pthread_rwlock_unlock(&follower->server->tables_lock);
    if (status != OK) {
        follower->is_lost = true;
        buffer_append_text(&follower->pending, "event: lost\ndata: ");
        json_append_quoted(&follower->pending, str_from(error.text));
        buffer_append_text(&follower->pending, "\n\n");
    }
    append_events(&follower->pending, buffer_str(&lines));
    if (follower->pending.length == 0 && now_us - follower->last_sent_us >= HEARTBEAT_US)
        buffer_append_text(&follower->pending, ": still here\n\n");
    buffer_free(&lines);
}

/* False when the server stops: nobody would resume the connection any more. */
static bool follower_suspend(Follower *follower)
{
    Server *server = follower->server;
    pthread_mutex_lock(&server->follower_mutex);
    follower->is_suspended = !server->is_stopping;
    if (follower->is_suspended) {
        MHD_suspend_connection(follower->connection);
        pthread_cond_signal(&server->follower_signal);
    }
    bool is_suspended = follower->is_suspended;
    pthread_mutex_unlock(&server->follower_mutex);
    return is_suspended;
}

static ssize_t follower_read(void *context, uint64_t position, char *into, size_t room)
{
    (void)position;
    Follower *follower = context;
    int64_t now_us = world_monotonic_us(follower->server->config.world);
    int64_t left = follower->pending.length - follower->pending_taken;
    if (left == 0) {
        follower->pending.length = follower->pending_taken = 0;
        if (follower->is_lost || follower->server->is_stopping)
            return MHD_CONTENT_READER_END_OF_STREAM;
        follower_fill(follower, now_us);
        left = follower->pending.length;
    }
    if (left == 0)
        return follower_suspend(follower) ? 0 : MHD_CONTENT_READER_END_OF_STREAM;
    if (left > (int64_t)room)
        left = (int64_t)room;
    memcpy(into, follower->pending.data + follower->pending_taken, (size_t)left);
    follower->pending_taken += left;
    follower->last_sent_us = now_us;
    return left;
}

static void follower_free(void *context)
{
    Follower *follower = context;
    Server *server = follower->server;
    pthread_mutex_lock(&server->follower_mutex);
    Follower **at = &server->followers;
    while (*at != follower)
        at = &(*at)->next;
    *at = follower->next;
    server->follower_count--;
    pthread_mutex_unlock(&server->follower_mutex);
    buffer_free(&follower->pending);
    memory_free(follower);
}

/* Under the lock of the tables. */
static bool follower_is_due(const Follower *follower, bool is_stopping, int64_t now_us)
{
    return is_stopping || follower->generation != follower->server->generation ||
           served_sequence(follower->table) != follower->sequence ||
           now_us - follower->last_sent_us >= HEARTBEAT_US;
}

/* Whether anyone waits on. */
static bool followers_wake(Server *server)
{
    bool is_anyone_waiting = false;
    int64_t now_us = world_monotonic_us(server->config.world);
    for (Follower *at = server->followers; at != NULL; at = at->next) {
        if (at->is_suspended && follower_is_due(at, server->is_stopping, now_us)) {
            at->is_suspended = false;
            MHD_resume_connection(at->connection);
        }
        is_anyone_waiting = is_anyone_waiting || at->is_suspended;
    }
    return is_anyone_waiting;
}

void *serve_wake_followers(void *context)
{
    Server *server = context;
    for (;;) {
        pthread_rwlock_rdlock(&server->tables_lock);
        pthread_mutex_lock(&server->follower_mutex);
        bool is_last_round = server->is_stopping;
        bool is_anyone_waiting = followers_wake(server);
        pthread_rwlock_unlock(&server->tables_lock);
        if (!is_last_round && !is_anyone_waiting)
            pthread_cond_wait(&server->follower_signal, &server->follower_mutex);
        pthread_mutex_unlock(&server->follower_mutex);
        if (is_last_round)
            return NULL;
        server->config.world->kind->sleep_us(server->config.world, FOLLOWER_LOOK_US);
    }
}

/* Where to begin: ?since=, else Last-Event-ID, else now. */
static bool parse_since(HttpRequest *request, int64_t *since)
{
    Str text = http_param(request, "since");
    if (text.data == NULL) {
        const char *header = http_header(request, "Last-Event-ID");
        if (header != NULL)
            text = str_from(header);
    }
    *since = -1;
    if (text.data == NULL || (str_parse_int64(text, since) && *since >= 0))
        return true;
    http_problem(request, MHD_HTTP_BAD_REQUEST, "WR6006", "not a sequence number",
                 "since must be a number from 0 on, as `id` and `seq` of a change give it", NULL);
    return false;
}

static bool followers_add(Server *server, Follower *follower)
{
    pthread_mutex_lock(&server->follower_mutex);
    bool is_room = server->follower_count < FOLLOWERS_MAX && !server->is_stopping;
    if (is_room) {
        follower->next = server->followers;
        server->followers = follower;
        server->follower_count++;
    }
    pthread_mutex_unlock(&server->follower_mutex);
    return is_room;
}

void serve_follow_changes(HttpRequest *request)
{
    ServeView view;
    ServedTable *table = serve_find_table(request, &view);
    if (table == NULL)
        return;
    Server *server = serve_server(request);
    Follower *follower = memory_allocate_zeroed(sizeof *follower);
    follower->server = server;
    follower->connection = request->connection;
    follower->last_sent_us = world_monotonic_us(server->config.world);
    follower->table = table;
    follower->generation = server->generation;
    if (!parse_since(request, &follower->sequence)) {
        memory_free(follower);
        return;
    }
    if (follower->sequence < 0)
        follower->sequence = served_sequence(follower->table);
    if (!followers_add(server, follower)) {
        memory_free(follower);
        http_problem(
            request, MHD_HTTP_SERVICE_UNAVAILABLE, "WR6011", "too many followers",
            arena_printf(request->arena, "at most %d can follow changes at a time", FOLLOWERS_MAX),
            NULL);
        return;
    }
    buffer_append_text(&follower->pending, ": follow\n\n");
    request->content_type = "text/event-stream";
    request->stream = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, FOLLOWER_BLOCK_BYTES,
                                                        follower_read, follower, follower_free);
}
