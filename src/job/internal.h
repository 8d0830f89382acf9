/* What the files of this folder share: tasks, the threads that run them, and the board on which
 * the coordinator (the thread of job_run) and the tasks leave word for each other. */
#ifndef WEIR_JOB_INTERNAL_H
#define WEIR_JOB_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "exec/exec.h"
#include "job/channel.h"
#include "job/job.h"
#include "job/layout.h"
#include "job/lease.h"
#include "job/snapshot.h"
#include "state/lettermark.h"

enum {
    TICK_INTERVAL_US = 50 * 1000,
    STEP_MESSAGES_MAX = 32,   /* a task takes before another one of its worker has its turn */
    FLUSH_INTERVAL_US = 1000, /* how long rows may wait for others while more input is there */
};

/* State on its way from a task to the checkpoint under way. */
typedef struct Piece {
    const PlanNode *node; /* whose state it is */
    StateRole role;
    int32_t shard;
    PieceKind kind;
    Buffer bytes; /* empty: only that there is such an entry */
    struct Piece *next;
} Piece;

typedef struct Pieces {
    Piece *first, *last;
} Pieces;

/* Everything here is read by all threads; the atomics say who writes them. */
typedef struct Board {
    World *world;
    Waker *coordinator;
    int32_t shard_count;
    int64_t step_bytes;  /* of records that a task saves between two messages */
    int64_t block_bytes; /* of a checkpoint that are written at once */
    int32_t
        core_count;  /* of the machine; so many helpers a source may have; 0: it does all itself */
    int64_t pace_us; /* over which saving may be spread, see pace.h; 0: it is not */
    _Atomic bool is_stopping;       /* cancelled: end without another checkpoint */
    _Atomic bool is_started;        /* all tasks are open: sources may read */
    _Atomic bool is_parting;        /* a source asks for a stop */
    _Atomic int64_t barrier_wanted; /* the checkpoint sources shall start; by the coordinator */
    _Atomic bool barrier_is_last;   /* this and the next two are written before barrier_wanted */
    _Atomic bool barrier_is_full;   /* all records are saved, not only those that have changed */
    _Atomic bool barrier_is_end;    /* all input has come: nobody will read records any more */
    _Atomic bool is_hurried;        /* somebody waits for the checkpoint under way */
    _Atomic int64_t piece_bytes;    /* that wait to be written */
    _Atomic int64_t wish;           /* the newest of job_ask_for_all */
    _Atomic int64_t wish_granted;   /* by the coordinator */
    _Atomic bool is_beside;         /* another job is in charge: sinks by key keep their rows */
    _Atomic bool may_move;          /* state is in memory, and may leave it once it has no room */
    _Atomic bool is_moving;         /* it has none: the job is to begin anew */

    const Plan *plan;          /* for messages */
    const JobOptions *options; /* for those of a simulated world */
    Spill *spill;              /* NULL: state stays in memory */
    int64_t memory_limit;      /* of the process; 0: none */
    _Atomic int64_t memory_looked_us, spilled_us, trimmed_us;
    _Atomic bool is_memory_short; /* sources wait */
    _Atomic int64_t committed;    /* durable up to here; by the coordinator */

    pthread_mutex_t mutex; /* guards the rest */
    Pieces pieces;         /* of the checkpoint that is under way, not written yet */
    int32_t runners_alive;
    int32_t acks_missing;
    int32_t opens_missing;
    int32_t ends_missing; /* tasks that have not come to the end of their input */
    bool has_failed;
    Error error;     /* of the first failure */
    bool has_parted; /* a source has come to where it cannot go on */
    Error parting;   /* why: the job's error, if none comes in between */
} Board;

/* Keep the first error and cancel the job. ERR_CANCELLED alone cancels without an error. */
void board_fail(Board *board, const Error *error, Status status);
/* Ask for a stop with a checkpoint, after which the error is the job's. */
void board_part(Board *board, const Error *error);

/* ---- Tasks ------------------------------------------------------------------------------- */

typedef struct TaskInput {
    Channel *channel;
    int32_t input;   /* of the head */
    bool is_aligned; /* its barrier is here, the others' are not yet */
    bool is_idle, has_ended;
    Timestamp watermark;
} TaskInput;

/* The batch that the task's operators are being given (feed.c). */
typedef struct Feed {
    Batch *batch;    /* NULL: none */
    TaskInput *from; /* NULL: the task's own source */
    int32_t done;    /* of its rows */
    int32_t slice_rows;
    int32_t *rows; /* of a slice */
} Feed;

/* A fragment on one shard. */
typedef struct Task {
    const Fragment *fragment;
    Board *board;
    TaskContext context;
    RowError *row_errors;
    Error error;
    Operator *head;       /* the first operator; for sources a stand-in that only emits */
    Operator **operators; /* of the fragment's nodes, in their order */
    int32_t operator_count;
    Operator **writers; /* exchanges at the ends */
    int32_t writer_count;
    TaskInput *inputs;
    int32_t input_count, next_input;
    Feed feed;
    SourceReader *reader;        /* of source fragments, else NULL */
    bool is_shared;              /* sources: the workers read it */
    pthread_mutex_t close_mutex; /* an interrupt must not meet a close */
    bool is_closed;
    bool is_preview;
    bool is_ending;               /* it has, but not all has been made of it */
    bool has_ended;               /* all input has come */
    bool has_parted;              /* sources: nothing is read any more, see Error.is_in_place */
    bool is_last_taken;           /* the last barrier has passed */
    int64_t barrier;              /* the newest checkpoint taken */
    _Atomic int64_t acknowledged; /* the newest checkpoint of which all is saved */
    bool is_saving;               /* it has taken a barrier and not acknowledged it yet */
    int32_t saving;               /* the operator whose records are next */
    int64_t saving_since_us;      /* when the barrier came */
    int64_t save_next_us;         /* not before then, unless hurried */
    int64_t committed;
    int64_t flushed_us;       /* when its rows were last sent on, because it was time */
    int64_t wish;             /* sources: the newest whose end is noted, or which waits for quiet */
    int64_t wished_us;        /* sources: the time of the clock then */
    _Atomic int64_t granted;  /* sources: the newest wish of which all was read */
    int64_t quiet_since_us;   /* sources: nothing has come since; 0: something has */
    int64_t quiet_bytes;      /* sources: progress.bytes_done then */
    _Atomic bool is_quiet;    /* sources: nothing has come for a while */
    int64_t blocked_since_us; /* waiting for room below; 0: not */
    Metric *backpressure;
    Metric *watermark_delay; /* NULL for sources */
} Task;

/* Open the operators; before the threads start, so that sinks can be interrupted from the first
 * moment on. Does not block. */
Status task_prepare(Task *task);
/* Bring back their state from `restored` (NULL: start fresh), connect sources and sinks. May block
 * for these. */
Status task_open(Task *task, const Snapshot *restored);
/* Do some work; *progressed tells whether there was any. Sources and sinks may block for a
 * moment. */
Status task_step(Task *task, bool *progressed);
Status task_tick(Task *task, int64_t now_us);
/* The last barrier has passed and what it prepared is committed. */
bool task_is_done(const Task *task);
void task_interrupt(Task *task);
void task_close(Task *task);

/* ---- State on its way to a checkpoint (collect.c) ------------------------------------------ */

/* At the barrier: what is not keyed is saved at once, the records by the calls of the next. */
Status task_save(Task *task, int64_t id);
/* Save some more records, if the writer keeps up; after the last ones the task acknowledges. */
void task_save_some(Task *task, bool *progressed);
/* How long until it has something to save again, if it only waits for that; else -1. */
int64_t task_save_wait_us(const Task *task);
/* So much has changed before it was saved, and waits in memory, that the writer is to take some of
 * it before anything else is worked on; or a table is to be saved before it goes. */
bool task_waits_for_pieces(const Task *task);
/* All that wait, in order; for the coordinator. */
Pieces board_take_pieces(Board *board);
void pieces_free(Pieces *pieces);

/* ---- Feeding batches (feed.c) --------------------------------------------------------------- */

/* Take over a batch that came from the channel (NULL: from the task's own source). */
void feed_begin(Task *task, TaskInput *from, Batch *batch);
/* Push some of its rows, after which it may be over; only while the outboxes are empty. */
Status feed_step(Task *task);
/* Give up what is left of it. */
void feed_end(Task *task);

/* ---- The limit of memory (pressure.c) ------------------------------------------------------ */

/* Whether a source may read on; looks itself every few milliseconds, from any thread. */
bool pressure_allows_reading(Board *board);

/* Between two messages: ERR_LIMIT (WR4412) when more than the limit is in use. */
Status pressure_check(Board *board, Error *error);

/* What the coordinator knows of it. */
typedef struct Pressure {
    int64_t since_us; /* memory has been short and nothing has moved since; 0: not so */
    int64_t trimmed_us;
    int64_t quiet_us; /* nobody had anything to do then */
    int64_t moved;    /* rows that had gone into and out of operators at the last look */
} Pressure;

/* While memory is short: give back what is free; *wants_checkpoint: rows that wait for one should
 * go. ERR_LIMIT (WR4412): all has been worked off and it is still short, so it always will be. */
Status pressure_look(Job *job, Pressure *pressure, bool *wants_checkpoint, Error *error);

/* ---- State that leaves memory when it has to (move.c) -------------------------------------- */

/* Whether it may, in this job: sets board.may_move. */
void move_allow(Job *job);
/* Memory is short; `is_hopeless`: and all has been worked off. Whether the job is to begin anew,
 * with state that leaves memory: sets board.is_moving. */
bool move_consider(Board *board, bool is_hopeless);
/* So many bytes of records of the operator's state have been loaded, and so many are coming.
 * ERR_LIMIT: they have no room in memory, see move_restore. */
Status move_look(Board *board, const Operator *op, int64_t loaded, int64_t coming, Error *error);
/* After that, in the midst of job_open: open the tasks anew. */
Status move_restore(Job *job, Error *error);
/* What the run so far, whose threads have ended, has come to: whether the job begins anew, because
 * it is to move, or because it has, and what it reads or writes could not be reached then. */
bool move_is_due(const Job *job, Status status);
/* Whether it was to stop while it waited for them. */
bool move_has_stopped(const Job *job, Status status);
/* From the last checkpoint. */
Status move_go_on(Job *job, Status status, Error *error);

/* ---- Checkpoints that take long (overdue.c) ------------------------------------------------ */

/* What the coordinator knows of the checkpoint under way. */
typedef struct Overdue {
    int64_t pending; /* at the last look; so the next */
    int32_t acks_missing;
    int64_t rows; /* that operators have taken, once the job is to stop */
    bool has_told;
} Overdue;

/* Whether anything has come of it since the last look, or, of a job that is to stop, rows have
 * moved that stand before it. */
bool overdue_has_moved(const Job *job, Overdue *overdue, int64_t pending, int32_t acks_missing);
/* Tell people, once, of a checkpoint that takes longer than execution.checkpointing.timeout: it
 * goes on. */
void overdue_tell(const Job *job, Overdue *overdue, int64_t running_us);
/* WR4405: the last one is given up. */
Status overdue_fail(const Job *job, const Overdue *overdue, int64_t waited_us, Error *error);

/* ---- Source tasks (source.c) --------------------------------------------------------------- */

/* The stand-in operator of a source and its reader, made for the node. */
void source_attach(Task *task, const PlanNode *node);
SourceReader *source_make_reader(const SourceKind *kind, const PlanNode *node,
                                 const TaskContext *context);
Status source_step(Task *task, bool *progressed);
/* Beside it, from any of its helpers: make some of what is to be read. Whether there was any. */
bool source_help(Task *task, int32_t helper);

/* Take the barrier `id` at a task: snapshot, pass it on, tell the coordinator. */
Status task_take_barrier(Task *task, int64_t id, bool is_last);
bool task_drain(Task *task);
/* Between two messages: state leaves memory as far as there is too little of it. */
Status task_make_room(Task *task);
void task_flush(Task *task);
void task_send(Task *task, const Message *message);
/* All input has come: tell the tasks below and the coordinator. */
void task_end(Task *task);
/* Whether operators have left something for later (OperatorKind.go_on); go on with it. */
bool task_has_more(const Task *task);
Status task_go_on(Task *task);

/* PLAN_VALUES as a source of constant rows. */
extern const SourceKind values_source;

/* ---- Preview ------------------------------------------------------------------------------- */

typedef struct PreviewRoot {
    const JobOptions *options;
    int32_t root;
    pthread_mutex_t
        mutex; /* of options->preview: a sink that writes in place has a task per shard */
    _Atomic bool is_done;
    Waker *coordinator;
} PreviewRoot;
Operator *preview_new(TaskContext *task, const PlanNode *node, PreviewRoot *root);

/* ---- Deployment ---------------------------------------------------------------------------- */

typedef enum RunnerPhase {
    RUNNER_NEW,
    RUNNER_OPEN,
    RUNNER_DONE, /* has only to close its tasks */
    RUNNER_ENDED,
} RunnerPhase;

typedef enum RunnerTurn {
    TURN_FREE,
    TURN_TAKEN,
    TURN_WANTED, /* taken, and another one has come for it meanwhile */
} RunnerTurn;

typedef struct Crew Crew;

/* A thread and the tasks it steps. */
typedef struct Runner {
    pthread_t thread;
    bool has_thread;
    RunnerPhase phase;
    bool needs_ticks;
    bool has_progressed; /* in its last turn */
    int64_t ticked_us;
    /* It has no thread: the workers have its turns, one at a time, when they have time for it. */
    bool is_shared;
    _Atomic uint32_t turn;   /* a RunnerTurn, if it is shared */
    _Atomic bool is_helped;  /* its source is open, and may be helped … */
    _Atomic int32_t helpers; /* … by so many at this moment */
    Waker *waker;            /* of shared ones: the first worker's */
    const Crew *crew;        /* the job's */
    Board *board;
    Snapshot *const *restored; /* the job's */
    Task **tasks;
    int32_t task_count;
} Runner;

/* The workers, and those whose turns they have beside their own. */
struct Crew {
    Runner *workers, *shared;
    int32_t worker_count, shared_count;
};

struct Job {
    World *world;
    const Plan *plan;
    JobOptions options;
    const char *pipeline;
    Arena *arena;
    Board board;
    Layout *layout;
    int32_t shard_count;
    Task **tasks;
    int32_t task_count;
    Task ***tasks_of; /* by fragment id, then shard */
    Channel **channels;
    int32_t channel_count;
    Runner *runners;
    int32_t runner_count;
    Crew crew;
    int32_t idle_turns;        /* in a row, of a job without threads */
    PreviewRoot *previews;     /* by root */
    ServedTable **tables;      /* by root: between two operators; else NULL */
    const char *metric_labels; /* see SourceReader */
    DeadLetters *dead_letters;
    EmbeddedHub *hub;               /* or NULL */
    const char *letter_folders[3];  /* those of JobOptions, and NULL */
    const char *sink_notes;         /* of the pipeline; NULL: a preview */
    File *lock, *home_lock;         /* the latter NULL where home is data_dir, or another job's */
    const char *checkpoints;        /* where they are */
    Store *store;                   /* of the checkpoints; NULL in previews */
    Lease lease;                    /* of their place, if others can reach it, too */
    bool was_over;                  /* the run before had come to its end, not to its exit */
    bool has_replays;               /* records were given back to its sources */
    Snapshot *restored;             /* until all tasks are open */
    int64_t checkpoint_interval_us; /* 0: only at the end */
    int64_t last_checkpoint;        /* id of the newest one, taken or found */
    int64_t kept_checkpoint;        /* the newest complete one on disk; 0: none */
    int64_t rows_kept;              /* that had been written when it began */
    bool has_noted_end;             /* in a file that recover_leave removes */
    bool is_cleaned;                /* by recover_clean */
    int64_t checkpoint_count;
    int64_t started_us;
    int64_t duration_us;
    bool has_ended;
    bool has_gone_on; /* once, with state that leaves memory */
    bool is_replaced; /* another one has its hub and the limit of memory */
    _Atomic bool is_running;
    _Atomic bool is_stop_wanted;
};

/* Lay out tasks, channels and runners. */
void deploy(Job *job);
/* Open the tasks, with the state that there is to be resumed. */
Status job_open_tasks(Job *job, Error *error);
/* Have a place for state that leaves memory: board.spill. */
Status job_open_spill(Job *job, Error *error);
/* Close the tasks, whose threads have ended, and free them and what is between them. */
void job_free_tasks(Job *job);
/* The operator of root number `root`, which has one task. */
Operator *job_root_operator(const Job *job, int32_t root);
/* Threads: start them; wait for all to end. */
Status runners_start(Job *job, Error *error);
void runners_join(Job *job);
/* Let the runners work until something was put on the board, or for so long (-1: no limit). */
void runners_await(Job *job, int64_t timeout_us);
void runners_wake(Job *job);
/* How many have not come to their end. */
int32_t runners_alive(Job *job);

/* ---- Recovery (recover.c) ------------------------------------------------------------------ */

/* A data folder that is held, and how to open what pipelines keep elsewhere. */
typedef struct DataFolder {
    World *world;
    const char *path;
    const StoreOptions *options; /* or NULL */
} DataFolder;

/* Why a run failed: that the data folder is gone explains any trouble with files. */
Status recover_explain(Job *job, Status status, Error *error);
/* Hold the data folder alone until the lock is closed. */
Status recover_lock_folder(World *world, const char *data_dir, File **lock, Error *error);
/* The node that the entry is the state of, or NULL. */
const PlanNode *recover_node_of(const Plan *plan, const StateEntry *entry);
/* Of an entry without a node: the session's zone that it was saved in, if the plan has the same
 * operator in another one; else NULL. */
const char *recover_zone_of(const Plan *plan, const StateEntry *entry);
/* Whoever wrote last, be it another pipeline, has perhaps left dead letters behind that its
 * resumption gives again: cut them. `notice` hears what somebody else has done to the files. */
Status recover_settle_letters(const DataFolder *data, const LetterNotice *notice, Error *error);
/* The pipeline `writer` goes back to the checkpoint (NULL: to its beginning): what it has set aside
 * since comes again, and leaves the files for others (letterback.h). `begins`: the job whose
 * sources begin as they are declared, perhaps not at their beginning; NULL if all is read again.
 * After they were settled. */
Status recover_return_letters(const DataFolder *data, const char *writer, const Snapshot *snapshot,
                              const Job *begins, const LetterNotice *notice, Error *error);
/* What the checkpoint says of the dead letters, appended. */
Status recover_letters(const Snapshot *snapshot, Buffer *out, Error *error);
/* Take the lock and find what to resume from; honours --fresh. */
Status recover_open(Job *job, Error *error);
/* Every entry must have an operator in the layout, or state loss be allowed. */
Status recover_check(Job *job, Error *error);
/* Forget everything: the end of bounded input. What is left is a note that says so … */
Status recover_clean(Job *job, Error *error);
/* … until the process has nothing else to do: a crash before that finds it. */
void recover_leave(Job *job);
/* The lock of the folder that both are part of goes from the job that this one is beside. */
void recover_take_over(Job *job);
void recover_close(Job *job);

/* Rows that went into sinks and tables so far; from any thread. */
int64_t job_rows_out(const Job *job);

/* ---- Checkpoints (checkpoint.c) ------------------------------------------------------------ */

/* The coordinator's loop: from the opening of the tasks to the end. */
Status checkpoint_run(Job *job, Error *error);

void job_notice(Job *job, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
