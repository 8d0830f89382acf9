#include "kafka/room.h"

#include <assert.h>
#include <stdatomic.h>
#include <stddef.h>

#include "base/memory.h"

struct Room {
    int64_t bytes_max;
    void (*on_left)(void *context);
    void *context;
    _Atomic int64_t bytes;
    _Atomic bool is_awaited;
    RoomPlace *first, *last; /* who waits */
};

Room *room_new(int64_t bytes_max, void (*on_left)(void *context), void *context)
{
    Room *room = memory_allocate_zeroed((int64_t)sizeof *room);
    room->bytes_max = bytes_max;
    room->on_left = on_left;
    room->context = context;
    return room;
}

void room_free(Room *room)
{
    assert(room == NULL || (room->first == NULL && room->bytes == 0));
    memory_free(room);
}

bool room_is_left(const Room *room)
{
    return room->bytes < room->bytes_max;
}

bool room_is_awaited(const Room *room)
{
    return room->is_awaited;
}

void room_take(Room *room, int64_t bytes)
{
    room->bytes += bytes;
}

void room_give(Room *room, int64_t bytes)
{
    room->bytes -= bytes;
    if (room->is_awaited && room_is_left(room))
        room->on_left(room->context);
}

static void room_wait(Room *room, RoomPlace *place)
{
    place->waits = true;
    place->next = NULL;
    *(room->first == NULL ? &room->first : &room->last->next) = place;
    room->last = place;
    room->is_awaited = true;
    if (room_is_left(room))
        room->on_left(room->context); /* it was given back before anybody could know */
}

static void place_fill(Room *room, RoomPlace *place)
{
    place->bytes = place->wanted_bytes;
    place->due_bytes = 0;
    room_take(room, place->bytes);
}

bool room_enter(Room *room, RoomPlace *place, int64_t bytes)
{
    assert(place->bytes == 0 && !place->waits);
    place->wanted_bytes = bytes;
    if (!room_is_left(room) || room->first != NULL) {
        room_wait(room, place);
        return false;
    }
    place_fill(room, place);
    return true;
}

/* Out of the queue. */
static void room_unlink(Room *room, RoomPlace *place)
{
    RoomPlace *before = NULL;
    for (RoomPlace *at = room->first; at != place; at = at->next)
        before = at;
    *(before != NULL ? &before->next : &room->first) = place->next;
    if (room->last == place)
        room->last = before;
    place->waits = false;
    room->is_awaited = room->first != NULL;
}

void room_leave(Room *room, RoomPlace *place)
{
    if (place->waits)
        room_unlink(room, place);
    int64_t bytes = place->bytes;
    place->bytes = 0;
    if (bytes > 0)
        room_give(room, bytes);
}

RoomPlace *room_next(Room *room)
{
    RoomPlace *place = room->first;
    if (place == NULL || !room_is_left(room))
        return NULL;
    room_unlink(room, place);
    place_fill(room, place);
    return place;
}
