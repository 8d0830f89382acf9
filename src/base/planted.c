/* Which bug is there on purpose; none in builds for users. */
#include "base/planted.h"

#ifdef WEIR_PLANTED_BUGS
PlantedBug planted_bug = PLANTED_NONE;
#endif
