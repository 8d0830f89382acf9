/* What cold.c and cold_pass.c share. */
#ifndef WEIR_STATE_COLD_INTERNAL_H
#define WEIR_STATE_COLD_INTERNAL_H

#include "base/memory.h"
#include "state/cold.h"
#include "state/pack.h"

/* Flags of a record in a pack, beside ENTRY_DIRTY and ENTRY_PERSISTED. */
enum {
    RECORD_TAKEN = 32, /* the entry is at hand, or no more */
    RECORD_DONE = 64,  /* has been saved in the pass that is still to come to the page */
};

enum {
    LOAD_MAX = COLD_EXPECT_MAX, /* pages read at once … */
    LOAD_AHEAD = LOAD_MAX / 4,  /* … by those who go through them in order */
    DEPTH_MAX = 28,
};

typedef struct Page {
    Pack *pack;      /* NULL: empty, or in the spill */
    uint32_t number; /* the high `depth` bits of its tags, then zeros */
    uint8_t depth;
    uint8_t color;
    bool is_stored; /* the spill has it as it is */
    bool is_used;   /* wanted since the hand last came by */
    bool is_saved;  /* all records are persisted and not dirty, whatever their flags say */
    bool is_wanted; /* about to be read */
    bool is_listed; /* in the ring */
} Page;

/* Memory of pages, which go all together. They are looked at in any order: in large tables they lie
 * in large pages of the system's. */
typedef struct PageChunk PageChunk;
struct PageChunk {
    PageChunk *older;
    int64_t bytes, used;
};

/* The records of one page as entries that are in no table, for those who only look. */
typedef struct Reading {
    uint8_t *entries;
    uint64_t *order; /* by tag, whose low half says which entry: for cold_read_until */
    int32_t count, next, capacity;
} Reading;

/* An entry that was taken out of its page, and will go back there before long. */
typedef struct Note {
    uint8_t *value;
    uint64_t word;
    Page *page;
    int32_t at; /* the record */
} Note;

struct Cold {
    Spill *spill;
    uint32_t id;
    PageChunk *chunks;
    Page **directory; /* 1 << bits of them; a page of less depth stands in several places */
    int32_t bits;
    int64_t page_count, record_count; /* records that are not taken */
    Packs *packs;                     /* those in memory */
    int64_t accounted;                /* what the spill was told of … */
    int64_t accounted_at_hand;        /* … and what of it is of entries at hand */
    bool has_stored;                  /* some page has been written */
    int64_t put_count, put_bytes;     /* of records: how long one is */
    int32_t sample_turns;             /* until that is looked at again, as long as none was put */
    int64_t sample_bytes;             /* what one had then */
    uint32_t slot_hand;
    int64_t looked, hit; /* keys of batches since there was no room for all, and those at hand */
    Note *notes;         /* of words that were taken meanwhile, unless they have been put away */
    int32_t note_count, note_capacity;
    int64_t passing; /* so many keys more before some stay at hand again: none came again */
    Page **listed;   /* those in memory, a ring, from the one on that is looked at next */
    int64_t listed_first, listed_count, listed_capacity; /* a power of two */
    bool was_passing;    /* … as it was found when that was last looked at */
    bool has_edit;       /* it is mostly gone through page by page: they are large … */
    bool is_edited;      /* its pages are gone through in order: those that come go first */
    int64_t pass_cursor; /* the number of the next page */
    Buffer record;
    int32_t *late; /* keys whose pages are to be read */
    int32_t late_capacity;
    uint8_t **given; /* values that an iteration has at hand, and their hashes */
    uint64_t *given_hashes;
    int32_t given_count, given_next, given_capacity;
    Reading reading;
    Arena *reading_keys; /* long ones of these entries */
    Page *given_page;    /* whose they are, and what was true of it */
    bool was_stored, was_saved;
    uint8_t was_depth;
};

/* For tests: as if so many keys had been looked at, of which none was at hand. It takes tens of
 * thousands, and then nothing more stays at hand, and notes are taken. */
static inline void cold_assume_looked(Cold *cold, int64_t keys)
{
    cold->looked += keys;
}

/* For tests: nothing stays at hand for so many keys. */
static inline void cold_assume_passing(Cold *cold, int64_t keys)
{
    cold->passing = keys;
}

/* Pages are in another order than slots: who goes through all pages, and so has all entries of one
 * after the other at hand, would have them all in neighbouring slots. */
static inline uint32_t page_tag(uint64_t hash)
{
    return hash_tag(hash) * 0x9e3779b1U;
}

static inline uint32_t cold_size(const Cold *cold)
{
    return 1U << cold->bits;
}

/* Where in the directory a tag's page stands; of a page's number, where it stands first. */
static inline uint32_t cold_place(const Cold *cold, uint32_t tag)
{
    return (uint32_t)((uint64_t)tag >> (32 - cold->bits));
}

static inline Page *cold_page(const Cold *cold, uint64_t hash)
{
    return cold->directory[cold_place(cold, page_tag(hash))];
}

/* Pages are gone through by number, which holds whatever becomes of them meanwhile: the one behind
 * it starts there. Behind the last one is 1 << 32. */
static inline int64_t page_end(const Page *page)
{
    return page->number + ((int64_t)1 << (32 - page->depth));
}

static inline bool cold_page_has(const Page *page, uint32_t tag)
{
    return (((uint64_t)tag ^ page->number) >> (32 - page->depth)) == 0;
}

static const int64_t COLD_END = (int64_t)1 << 32;

static inline Page *cold_page_at(const Cold *cold, int64_t number)
{
    return cold->directory[cold_place(cold, (uint32_t)number)];
}

/* A record as what it holds. */
typedef struct Record {
    Probe probe; /* its view is that below */
    StrView view;
    Str value;
} Record;

static inline uint64_t probe_mark(const Probe *probe)
{
    return probe->view == NULL ? probe->word : probe->hash;
}

enum { PAGES_GROUP = 8 };

/* Have what page number `at` and those behind it need on its way to the cache, by groups: a
 * prefetch waits until the address is translated, of which the processor does several at once if it
 * meets them at once. */
static inline void pages_prefetch(Page *const *pages, const uint64_t *marks, int32_t at,
                                  int32_t count)
{
    if (at % PAGES_GROUP != 0)
        return;
    int32_t end = at + 3 * PAGES_GROUP < count ? at + 3 * PAGES_GROUP : count;
    for (int32_t i = at == 0 ? 0 : at + 2 * PAGES_GROUP; i < end; i++)
        pack_prefetch(pages[i]->pack);
    end = at + 2 * PAGES_GROUP < count ? at + 2 * PAGES_GROUP : count;
    for (int32_t i = at == 0 ? 0 : at + PAGES_GROUP; i < end; i++)
        pack_prefetch_record(pages[i]->pack, marks[i]);
}

/* The record of an entry. Word, value; or hash, length of the key, value, key. The value's length
 * is what is left. */
void cold_write(const StateTable *table, const Entry *entry, Buffer *out);
/* Record `at` of the page, until the next is read. */
void cold_read(const StateTable *table, const Page *page, int32_t at, Record *record);
/* Its records are in the spill only. */
static inline bool page_is_away(const Page *page)
{
    return page->pack == NULL && page->is_stored;
}

/* The record of the key, taken or not; -1: there is none. */
int32_t cold_find(const StateTable *table, const Page *page, const Probe *probe);
/* What becomes of a page: its pack is another one, NULL for none. */
void page_set_pack(Cold *cold, Page *page, Pack *pack);
/* A page of the directory, which is yet to say so. */
Page *page_new(Cold *cold, uint32_t number, int32_t depth, uint8_t color);
/* Whether there are too many records, or bytes, for a page. */
bool page_is_large(const Cold *cold, int32_t records, int64_t bytes, const Pack *pack);
/* Two wide records of one page may have hashes that differ in the very last bits: the directory
 * does not double for a few of those, which would take more memory than all pages. They stay
 * together. */
bool cold_may_divide(const Cold *cold, const Page *page);
/* The upper half of its tags gets a page of its own, which is returned, and has nothing yet. */
Page *cold_split(Cold *cold, Page *page);
/* The page, which has records in memory, loses those that are no more, and divides if it is too
 * large all the same, or if that is wanted. */
void cold_divide(StateTable *table, Page *page, bool is_wanted);
/* What is to be saved of the page in the pass under way is saved. */
void cold_save_page(StateTable *table, Page *page);
/* The page with this number and those behind it come into memory together. */
void cold_load_ahead(Cold *cold, int64_t number);
/* How many pages are read at one go, at most so many: fewer where records are wide. */
int32_t cold_load_most(const Cold *cold, int32_t most);
/* Those of the pages that are in the spill come into memory. */
void cold_load(Cold *cold, Page **pages, int32_t count);
/* The record becomes an entry of the table; NULL where it is taken already. */
uint8_t *cold_take(StateTable *table, Page *page, int32_t at, const Record *record);
/* The entry goes back into its page, which is in memory. */
void cold_put(StateTable *table, Entry *entry);
/* Write the flags of a page that is_saved. */
void cold_settle_flags(Page *page);
/* Pages leave memory as long as there is too little of it. */
Status cold_trim(StateTable *table, Error *error);
/* Put away what an iteration has at hand. */
void cold_release(StateTable *table);
/* Give up what is being read. */
void cold_end_reading(StateTable *table);

#endif
