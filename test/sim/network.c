/* Links, pieces, and what happens to them. */
#include "sim/network.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "base/memory.h"
#include "base/random.h"
#include "sim/world.h"

enum {
    PERMILLE = 1000,
    LINKS_MAX = 4096,
    FATE_BYTES_MAX = 6000,
    STALL_US_MAX = 6 * 1000 * 1000, /* three times what weir waits for */
    AWAY_US_MAX = 6 * 1000 * 1000,
    TROUBLE_PIECES_MAX = 500,
    WINDOW_BYTES_LEAST = 512,
    WINDOW_BYTES_MOST = 65536,
};

static const int64_t NEVER_US = INT64_MAX;

/* How a link fails; most do when so many bytes have gone by in one direction. */
typedef enum Fate {
    FATE_NONE,
    FATE_UNKNOWN_HOST, /* the name is not found for the moment */
    FATE_REFUSED,
    FATE_UNANSWERED,  /* nobody answers the wish to connect */
    FATE_RESET_UP,    /* when so much has come to the server … */
    FATE_RESET_DOWN,  /* … or from it */
    FATE_HALF_CLOSED, /* the server's half ends; what comes is still carried out */
    FATE_MUTE_UP,     /* nothing comes any more, and nobody says so */
    FATE_MUTE_DOWN,
    FATE_STALLED_UP, /* it takes some seconds, then goes on */
    FATE_STALLED_DOWN,
    FATE_COUNT,
} Fate;

typedef struct Piece {
    int64_t at_us;
    int64_t end; /* of its bytes in the pipe */
} Piece;

typedef struct Pipe {
    Buffer bytes; /* all that was ever sent */
    Buffer pieces;
    int64_t next;           /* piece to come */
    int64_t arrived, taken; /* bytes */
    int64_t last_us;        /* of the newest piece */
} Pipe;

typedef struct Link {
    bool is_bell, is_rung;
    bool has_client; /* the process has it */
    bool has_server;
    bool is_decided; /* whether it is connected: `verdict` */
    bool is_ended;   /* the server's half, behind what has been sent */
    bool is_reset;
    int verdict;
    int64_t decided_us;
    int64_t piece_bytes; /* at most */
    int64_t window_bytes;
    Fate fate;
    int64_t fate_bytes, fate_us;
    Pipe up, down;
} Link;

struct SimNetwork {
    NetFaults faults;
    SimServer server;
    uint64_t seed;
    Link *links[LINKS_MAX];
    int32_t count;
    int32_t first; /* before it all are done with */
    bool is_up;
    int64_t rises_us;      /* while it is not up */
    int64_t still_us;      /* the server does nothing before */
    int64_t pieces;        /* that the server has had */
    int64_t trouble_piece; /* the one after which it is in trouble; 0: none */
    int64_t failures;
};

/* ---- Pipes --------------------------------------------------------------------------------- */

static Piece *pipe_next(const Pipe *pipe)
{
    Piece *pieces = (Piece *)pipe->pieces.data;
    return pipe->next < pipe->pieces.length / (int64_t)sizeof(Piece) ? &pieces[pipe->next] : NULL;
}

static void pipe_free(Pipe *pipe)
{
    buffer_free(&pipe->bytes);
    buffer_free(&pipe->pieces);
    *pipe = (Pipe){0};
}

/* What has not come by `until_us` never does. */
static void pipe_cut(Pipe *pipe, int64_t until_us)
{
    const Piece *pieces = (const Piece *)pipe->pieces.data;
    int64_t count = pipe->pieces.length / (int64_t)sizeof(Piece);
    while (count > pipe->next && pieces[count - 1].at_us > until_us)
        count--;
    pipe->pieces.length = count * (int64_t)sizeof(Piece);
    pipe->bytes.length = count > pipe->next ? pieces[count - 1].end : pipe->arrived;
}

static Fate link_fate_of(const Link *link, bool is_up)
{
    bool is_of_up = link->fate == FATE_MUTE_UP || link->fate == FATE_STALLED_UP;
    bool is_of_down = link->fate == FATE_MUTE_DOWN || link->fate == FATE_STALLED_DOWN ||
                      link->fate == FATE_HALF_CLOSED;
    return (is_up && is_of_up) || (!is_up && is_of_down) ? link->fate : FATE_NONE;
}

static void link_push(SimNetwork *network, Link *link, Pipe *pipe, Str bytes, int64_t now_us)
{
    Fate fate = link_fate_of(link, pipe == &link->up);
    while (bytes.length > 0) {
        int64_t length = 1 + random_below(&network->seed, link->piece_bytes);
        length = length < bytes.length ? length : bytes.length;
        bool is_late = fate != FATE_NONE && pipe->bytes.length + length > link->fate_bytes;
        if (is_late && fate != FATE_STALLED_UP && fate != FATE_STALLED_DOWN) {
            link->is_ended = link->is_ended || fate == FATE_HALF_CLOSED;
            if (fate == FATE_MUTE_UP) /* the window fills up */
                buffer_append_str(&pipe->bytes, bytes);
            return;
        }
        int64_t at_us = now_us + network->faults.latency_us +
                        random_below(&network->seed, network->faults.jitter_us + 1);
        if (is_late) {
            at_us += link->fate_us;
            link->fate_us = 0;
        }
        pipe->last_us = at_us > pipe->last_us ? at_us : pipe->last_us;
        buffer_append(&pipe->bytes, bytes.data, length);
        Piece piece = {.at_us = pipe->last_us, .end = pipe->bytes.length};
        buffer_append(&pipe->pieces, &piece, (int64_t)sizeof piece);
        bytes = str_make(bytes.data + length, bytes.length - length);
    }
}

/* ---- What happens by itself ---------------------------------------------------------------- */

static void link_reset(Link *link)
{
    link->is_reset = true;
    link->has_server = false;
    pipe_cut(&link->up, 0);
    pipe_cut(&link->down, 0);
}

static void server_end(SimNetwork *network, int64_t now_us)
{
    bool is_power = random_below(&network->seed, 3) == 0;
    network->is_up = false;
    network->rises_us = now_us + 1 + random_below(&network->seed, AWAY_US_MAX);
    for (int32_t i = network->first; i < network->count; i++) {
        Link *link = network->links[i];
        if (link->is_bell || !link->has_server)
            continue;
        if (!is_power)
            link_reset(link);
        link->has_server = false;
    }
}

static void server_trouble(SimNetwork *network, int64_t now_us)
{
    network->failures++;
    network->trouble_piece =
        --network->faults.troubles > 0
            ? network->pieces + 1 + random_below(&network->seed, TROUBLE_PIECES_MAX)
            : 0;
    if (random_below(&network->seed, 3) == 0)
        network->still_us = now_us + random_below(&network->seed, STALL_US_MAX);
    else
        server_end(network, now_us);
}

static void link_decide(SimNetwork *network, Link *link)
{
    link->is_decided = true;
    link->has_server = network->is_up && link->verdict == 0;
    if (!link->has_server)
        link->verdict = ECONNREFUSED;
}

/* The next piece comes to the server; whoever is not there any more says so by a reset. */
static void link_come_up(SimNetwork *network, int32_t number, int64_t now_us)
{
    Link *link = network->links[number];
    link->up.arrived = pipe_next(&link->up)->end;
    link->up.next++;
    if (!link->has_server) {
        if (network->is_up)
            link_reset(link);
        return;
    }
    Buffer answer = {0};
    Str in = str_make(link->up.bytes.data + link->up.taken, link->up.arrived - link->up.taken);
    int64_t taken = network->server.receive(network->server.context, number, now_us, in, &answer);
    link->up.taken += taken;
    if (link->has_server && !link->is_ended)
        link_push(network, link, &link->down, buffer_str(&answer), now_us);
    buffer_free(&answer);
    network->pieces++;
    if (link->fate == FATE_RESET_UP && link->up.arrived >= link->fate_bytes)
        link_reset(link);
    if (network->pieces == network->trouble_piece)
        server_trouble(network, now_us);
}

static void link_come_down(Link *link)
{
    link->down.arrived = pipe_next(&link->down)->end;
    link->down.next++;
    if (link->fate == FATE_RESET_DOWN && link->down.arrived >= link->fate_bytes)
        link_reset(link);
}

/* Something that is going to happen: to a link, or (number -1) to the server. */
typedef struct Event {
    enum { EVENT_NONE, EVENT_RISE, EVENT_DECIDE, EVENT_UP, EVENT_DOWN } kind;
    int32_t number;
    int64_t at_us;
    int64_t ready_us; /* of those at one time the one that was ready first is first */
} Event;

static void event_offer(Event *best, Event other)
{
    bool is_sooner = best->kind == EVENT_NONE || other.at_us < best->at_us ||
                     (other.at_us == best->at_us && other.ready_us < best->ready_us);
    if (other.at_us != NEVER_US && is_sooner)
        *best = other;
}

static Event network_next(SimNetwork *network)
{
    Event best = {0};
    if (!network->is_up)
        event_offer(&best, (Event){EVENT_RISE, -1, network->rises_us, network->rises_us});
    for (int32_t i = network->first; i < network->count; i++) {
        const Link *link = network->links[i];
        if (link->is_bell)
            continue;
        if (!link->is_decided && link->has_client)
            event_offer(&best, (Event){EVENT_DECIDE, i, link->decided_us, link->decided_us});
        const Piece *up = pipe_next(&link->up), *down = pipe_next(&link->down);
        if (up != NULL) {
            int64_t still_us = link->has_server ? network->still_us : 0;
            int64_t at_us = up->at_us > still_us ? up->at_us : still_us;
            event_offer(&best, (Event){EVENT_UP, i, at_us, up->at_us});
        }
        if (down != NULL)
            event_offer(&best, (Event){EVENT_DOWN, i, down->at_us, down->at_us});
    }
    return best;
}

static void network_happen(SimNetwork *network, const Event *event)
{
    Link *link = event->number >= 0 ? network->links[event->number] : NULL;
    switch (event->kind) {
    case EVENT_NONE: break;
    case EVENT_RISE:
        network->is_up = true;
        network->server.restart(network->server.context, event->at_us, &network->seed);
        break;
    case EVENT_DECIDE: link_decide(network, link); break;
    case EVENT_UP: link_come_up(network, event->number, event->at_us); break;
    case EVENT_DOWN: link_come_down(link); break;
    }
}

static void network_run(SimNetwork *network, int64_t until_us)
{
    for (;;) {
        Event event = network_next(network);
        if (event.kind == EVENT_NONE || event.at_us > until_us)
            break;
        network_happen(network, &event);
    }
    while (network->first < network->count) {
        Link *link = network->links[network->first];
        if (link->has_client || (!link->is_bell && pipe_next(&link->up) != NULL))
            break;
        pipe_free(&link->up);
        pipe_free(&link->down);
        network->first++;
    }
}

/* ---- Calls --------------------------------------------------------------------------------- */

static SimNetwork *network_of(World *world)
{
    return ((SimWorld *)world)->network;
}

/* What has come by now, before a call looks. NULL when the power is off. */
static Link *network_look(World *base, SimCall call, int32_t number, Str bytes)
{
    SimWorld *world = (SimWorld *)base;
    char name[24];
    snprintf(name, sizeof name, "link %d", number);
    if (!sim_world_call(world, call, name, bytes))
        return NULL;
    network_run(world->network, world->now_us);
    return number < 0 ? NULL : world->network->links[number];
}

/* What came of a call belongs to the trace. */
static int64_t network_tell(World *base, int64_t result)
{
    SimWorld *world = (SimWorld *)base;
    sim_trace(world, (uint64_t)result);
    if (world->is_traced)
        fprintf(stderr, "%27s= %lld\n", "", (long long)result);
    return result;
}

static int32_t network_add(SimNetwork *network)
{
    assert(network->count < LINKS_MAX);
    Link *link = memory_allocate_zeroed((int64_t)sizeof *link);
    link->has_client = true;
    network->links[network->count] = link;
    return network->count++;
}

static bool network_draws(SimNetwork *network, int32_t share)
{
    return random_below(&network->seed, PERMILLE) < share;
}

static Fate network_draw_fate(SimNetwork *network)
{
    NetFaults *faults = &network->faults;
    if (faults->bad_left <= 0 || !network_draws(network, faults->bad_links))
        return FATE_NONE;
    faults->bad_left--;
    network->failures++;
    return (Fate)(1 + random_below(&network->seed, FATE_COUNT - 1));
}

/* The address is the fate of the link that is going to be made. */
static NetFound sim_find(World *world, const char *host, int32_t port, NetAddress *out,
                         int32_t *count, const char **why)
{
    SimNetwork *network = network_of(world);
    *why = "no such host";
    if (network == NULL || ((SimWorld *)world)->is_off || strcmp(host, network->server.host) != 0 ||
        port != network->server.port)
        return NET_NO_SUCH_HOST;
    Fate fate = network_draw_fate(network);
    *why = "nobody could say";
    *count = 1;
    out->length = (int32_t)sizeof fate;
    memcpy(out->bytes, &fate, sizeof fate);
    return network_tell(world, fate) == FATE_UNKNOWN_HOST ? NET_FIND_LATER : NET_FOUND;
}

static int sim_find_path(World *world, const char *path, NetAddress *out)
{
    (void)world, (void)path, (void)out;
    return -ENAMETOOLONG;
}

static int sim_connect(World *world, const NetAddress *address, bool *is_there)
{
    SimNetwork *network = network_of(world);
    *is_there = false;
    (void)network_look(world, SIM_CONNECT, -1, (Str){0});
    if (((SimWorld *)world)->is_off)
        return -ENETDOWN;
    int32_t number = network_add(network);
    Link *link = network->links[number];
    memcpy(&link->fate, address->bytes, sizeof link->fate);
    int64_t now_us = ((SimWorld *)world)->now_us;
    link->decided_us = link->fate == FATE_UNANSWERED
                           ? NEVER_US
                           : now_us + 2 * network->faults.latency_us +
                                 random_below(&network->seed, network->faults.jitter_us + 1);
    link->verdict = link->fate == FATE_REFUSED ? ECONNREFUSED : 0;
    link->fate_bytes = random_below(&network->seed, FATE_BYTES_MAX);
    if (random_below(&network->seed, 2) == 0)
        link->fate_bytes /= 20;
    link->fate_us = random_below(&network->seed, STALL_US_MAX);
    bool is_small = network_draws(network, network->faults.in_pieces);
    link->piece_bytes = !is_small ? WINDOW_BYTES_MOST
                        : random_below(&network->seed, 3) == 0
                            ? 1
                            : 1 + random_below(&network->seed, 300);
    link->window_bytes =
        !is_small ? WINDOW_BYTES_MOST : WINDOW_BYTES_LEAST + random_below(&network->seed, 4000);
    return (int)network_tell(world, number);
}

static int sim_verdict(World *world, int number)
{
    const Link *link = network_of(world)->links[number];
    return (int)network_tell(world, link->is_reset ? -ECONNRESET : -link->verdict);
}

static int64_t sim_read(World *world, int number, void *into, int64_t bytes_max)
{
    Link *link = network_look(world, SIM_RECEIVE, number, (Str){0});
    if (link == NULL)
        return -ENETDOWN;
    Pipe *down = &link->down;
    int64_t there = down->arrived - down->taken;
    if (there == 0 && link->is_ended && pipe_next(down) == NULL)
        return network_tell(world, 0);
    if (there == 0)
        return network_tell(world, link->is_reset ? -ECONNRESET : -EAGAIN);
    int64_t count = there < bytes_max ? there : bytes_max;
    if (random_below(&network_of(world)->seed, 4) == 0)
        count = 1 + random_below(&network_of(world)->seed, count);
    memcpy(into, down->bytes.data + down->taken, (size_t)count);
    sim_trace((SimWorld *)world, hash_bytes(into, count));
    down->taken += count;
    return network_tell(world, count);
}

static int64_t link_room(const Link *link)
{
    return link->window_bytes - (link->up.bytes.length - link->up.arrived);
}

static int64_t sim_write(World *base, int number, const void *bytes, int64_t length)
{
    SimWorld *world = (SimWorld *)base;
    Link *link = network_look(base, SIM_SEND, number, str_make(bytes, length));
    if (link == NULL)
        return -ENETDOWN;
    if (link->is_reset)
        return network_tell(base, -EPIPE);
    int64_t room = link_room(link);
    if (room <= 0)
        return network_tell(base, -EAGAIN);
    int64_t count = length < room ? length : room;
    if (random_below(&world->network->seed, 4) == 0)
        count = 1 + random_below(&world->network->seed, count);
    link_push(world->network, link, &link->up, str_make(bytes, count), world->now_us);
    return sim_world_called(world) ? network_tell(base, count) : -ENETDOWN;
}

/* A link with answers that nobody has read ends by a reset: what is held up on the way is given up.
 * Else the system goes on sending what it has been given. */
static void network_let_go(SimNetwork *network, Link *link, int64_t now_us)
{
    int64_t soon_us = now_us + network->faults.latency_us + network->faults.jitter_us;
    bool is_unread = link->down.arrived > link->down.taken;
    link->has_client = false;
    if (!link->is_decided || is_unread || !network->faults.is_late)
        pipe_cut(&link->up, soon_us);
    pipe_cut(&link->down, 0);
}

static void sim_close(World *base, int number)
{
    SimWorld *world = (SimWorld *)base;
    SimNetwork *network = world->network;
    if (network == NULL || world->is_off || !network->links[number]->has_client)
        return;
    sim_trace(world, (uint64_t)number);
    network_let_go(network, network->links[number], world->now_us);
}

static int sim_bell(World *world)
{
    SimNetwork *network = network_of(world);
    if (network == NULL)
        return 0;
    int32_t number = network_add(network);
    network->links[number]->is_bell = true;
    return number;
}

static void sim_ring(World *world, int bell)
{
    if (network_of(world) != NULL)
        network_of(world)->links[bell]->is_rung = true;
}

static bool link_is_ready(const Link *link, int events)
{
    if (link->is_reset)
        return true;
    bool is_at_end = link->is_ended && pipe_next(&link->down) == NULL;
    if ((events & NET_READ) != 0 && (link->down.arrived > link->down.taken || is_at_end))
        return true;
    return (events & NET_WRITE) != 0 && link->is_decided && link_room(link) > 0;
}

static int sim_wait(World *base, int number, int bell, int events, int64_t deadline_us)
{
    SimWorld *world = (SimWorld *)base;
    SimNetwork *network = world->network;
    if (network == NULL) {
        world->now_us = deadline_us > world->now_us ? deadline_us : world->now_us;
        return NET_TIMEOUT;
    }
    for (;;) {
        if (world->is_off)
            return -ENETDOWN;
        network_run(network, world->now_us);
        if (network->links[bell]->is_rung)
            return (int)network_tell(base, NET_RUNG);
        if (number >= 0 && link_is_ready(network->links[number], events))
            return (int)network_tell(base, NET_READY);
        if (world->now_us >= deadline_us)
            return (int)network_tell(base, NET_TIMEOUT);
        Event next = network_next(network);
        bool is_before = next.kind != EVENT_NONE && next.at_us < deadline_us;
        world->now_us = is_before ? next.at_us : deadline_us;
    }
}

const NetworkKind sim_network_kind = {
    .find = sim_find,
    .find_path = sim_find_path,
    .connect = sim_connect,
    .verdict = sim_verdict,
    .read = sim_read,
    .write = sim_write,
    .close = sim_close,
    .bell = sim_bell,
    .ring = sim_ring,
    .wait = sim_wait,
};

/* ---- Networks ------------------------------------------------------------------------------ */

SimNetwork *sim_network_new(uint64_t seed, const NetFaults *faults, const SimServer *server)
{
    SimNetwork *network = memory_allocate_zeroed((int64_t)sizeof *network);
    network->seed = seed;
    network->faults = *faults;
    network->server = *server;
    network->is_up = true;
    if (faults->troubles > 0)
        network->trouble_piece = 1 + random_below(&network->seed, TROUBLE_PIECES_MAX);
    return network;
}

void sim_network_free(SimNetwork *network)
{
    for (int32_t i = 0; network != NULL && i < network->count; i++) {
        pipe_free(&network->links[i]->up);
        pipe_free(&network->links[i]->down);
        memory_free(network->links[i]);
    }
    memory_free(network);
}

void sim_network_abandon(SimNetwork *network, int64_t now_us, bool is_kill)
{
    network_run(network, now_us);
    int64_t soon_us = now_us + network->faults.latency_us + network->faults.jitter_us;
    for (int32_t i = network->first; i < network->count; i++) {
        Link *link = network->links[i];
        if (!link->has_client)
            continue;
        network_let_go(network, link, now_us);
        if (!is_kill)
            pipe_cut(&link->up, now_us + random_below(&network->seed, soon_us - now_us + 1));
    }
}

bool sim_network_hang_up(SimNetwork *network, int64_t peer)
{
    if (peer < network->first || peer >= network->count || !network->links[peer]->has_server)
        return false;
    link_reset(network->links[peer]);
    return true;
}

void sim_network_settle(SimNetwork *network, int64_t now_us)
{
    (void)now_us;
    network_run(network, NEVER_US - 1);
}

int64_t sim_network_failures(const SimNetwork *network)
{
    return network->failures;
}
