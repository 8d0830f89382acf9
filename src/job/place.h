/* Where the checkpoints of a pipeline are.
 *
 *     weir-data/jobs/PIPELINE/checkpoints/     by itself
 *     weir-data/jobs/PIPELINE/spill/           what a run has no memory for
 *     weir-data/jobs/PIPELINE/sinks/           notes of sinks before the first checkpoint
 *     DIR/PIPELINE/                            with execution.checkpointing.dir
 *     weir-data/jobs/PIPELINE/places           then says so: for commands that have no script
 *     weir-data/over-PIPELINE                  it has come to its end, and its process not yet
 *     weir-data/jobs/PIPELINE/replaced         names the pipeline that is in charge in its stead
 *     weir-data/deployed/PIPELINE/             the data folder of that one, with
 *                                 script.sql   its script and
 *                                 replaces     whose place it was made for
 *
 * PIPELINE is the name of the pipeline made fit for a folder. */
#ifndef WEIR_JOB_PLACE_H
#define WEIR_JOB_PLACE_H

#include "base/arena.h"
#include "base/status.h"
#include "base/world.h"

/* Where a run keeps its checkpoints, and where savepoints go. */
typedef struct Places {
    const char *checkpoints; /* a location for store_open */
    const char *savepoints;  /* NULL: nowhere in particular */
} Places;

/* A folder name for the pipeline: what is not plain becomes `_`, and a hash of the whole keeps
 * two such names apart. */
const char *place_folder_name(Arena *arena, const char *pipeline);

/* `folder` is a name that place_folder_name has made; `dir`: of checkpoints, NULL or empty where
 * none is set. */
const char *place_of_checkpoints(Arena *arena, const char *data_dir, const char *dir,
                                 const char *folder);

/* Where a run may put what it has no memory for; good for that run only. */
const char *place_of_spill(Arena *arena, const char *data_dir, const char *folder);

/* Where sinks may note what is to be known before there is a checkpoint. */
const char *place_of_sinks(Arena *arena, const char *data_dir, const char *folder);

/* The note that a pipeline has come to its end, which goes as the last thing of its process. */
const char *place_of_end(Arena *arena, const char *data_dir, const char *folder);

/* As the last run has noted it, else in the data folder. */
Status place_find(World *world, Arena *arena, const char *data_dir, const char *folder, Places *out,
                  Error *error);

/* Durable when OK; nothing is noted where all is as it is by itself. */
Status place_note(World *world, const char *data_dir, const char *folder, const Places *places,
                  Error *error);

/* ---- Pipelines that took the place of others ------------------------------------------------ */

/* Who is in charge under a name. */
typedef struct Charge {
    const char *pipeline; /* another name where it was replaced */
    const char *data_dir;
    bool is_replaced; /* by a pipeline whose script is script.sql of its data folder */
    bool is_deployed; /* its data folder is part of another one */
} Charge;

/* Follow the notes from a pipeline to the one in charge. ERR_CORRUPT (WR4461): they lead nowhere.
 */
Status place_in_charge(World *world, Arena *arena, const char *home, const char *pipeline,
                       Charge *out, Error *error);

/* The data folder of a pipeline that is to take the place of another one. */
const char *place_of_deployed(Arena *arena, const char *home, const char *pipeline);
/* The path of its script. */
const char *place_of_script(Arena *arena, const char *data_dir);
/* Whether the script there is the one that was deployed. WR4463: it is not. */
Status place_check_script(World *world, const char *data_dir, Str script, Error *error);

/* Make that folder, empty but for the script. ERR_INVALID (WR4462): the folder `home` knows a
 * pipeline of this name already. What is left of an attempt that came to nothing goes. */
Status place_prepare(World *world, const char *home, const char *pipeline, const char *replaces,
                     Str script, Error *error);

/* From now on `pipeline` is in charge where `old` was: durable when OK, and one rename. */
Status place_replace(World *world, const char *home, const char *old, const char *pipeline,
                     Error *error);
/* `old` is in charge again, if it ever was not. */
Status place_put_back(World *world, const char *home, const char *old, Error *error);

#endif
