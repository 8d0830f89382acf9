/* How much memory requests may take together, from the moment that some of them has come until they
 * are answered, or wait for something else than the disk: when that is slow, clients are not read
 * any further.
 *
 *     its beginning is there ──> room? ── yes ──> the rest is read, the call runs ──> given back
 *                                  └──── no ───> its connection stands in the queue, unread
 *
 * All but room_give and room_take are for the thread of the connections. */
#ifndef WEIR_KAFKA_ROOM_H
#define WEIR_KAFKA_ROOM_H

#include <stdbool.h>
#include <stdint.h>

typedef struct Room Room;

/* Of a connection; zeroed but for the owner. */
typedef struct RoomPlace {
    void *owner;
    int64_t bytes;     /* for the request that is coming in */
    int64_t until_us;  /* by then, by the monotonic clock … */
    int64_t due_bytes; /* … so much of it should be there */
    int64_t wanted_bytes;
    bool waits;
    struct RoomPlace *next;
} RoomPlace;

/* `on_left` is called from any thread when somebody waits and there is room again. One request may
 * go beyond the limit, so that no size is for ever too large. */
Room *room_new(int64_t bytes_max, void (*on_left)(void *context), void *context);
/* NULL is allowed. */
void room_free(Room *room);

bool room_is_left(const Room *room);
void room_take(Room *room, int64_t bytes);
void room_give(Room *room, int64_t bytes);

/* The connection takes so much for a request. False: there is none, or others wait for it already,
 * and it stands in the queue. */
bool room_enter(Room *room, RoomPlace *place, int64_t bytes);
/* What it has taken is given back, and it does not wait any more. */
void room_leave(Room *room, RoomPlace *place);
bool room_is_awaited(const Room *room);
/* The next one that may go on, out of the queue, with the room that it wants; NULL: there is none,
 * or no room. */
RoomPlace *room_next(Room *room);

#endif
