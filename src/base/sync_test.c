/* Two syncs of a folder at once, of which the system tells only one that it has failed: neither may
 * say that the folder is durable. */
#include "base/testing.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/syncs_testing.h"
#include "base/world.h"

static Syncs syncs = SYNCS_INIT;
static char folder[] = "/tmp/weir-sync-test-XXXXXX";

/* In place of the library's, in this program. */
int fsync(int descriptor)
{
    (void)descriptor;
    errno = syncs_answer(&syncs);
    return errno == 0 ? 0 : -1;
}

static int sync_first(void *context)
{
    return (int)world_system()->kind->sync_folder(world_system(), context, NULL);
}

static int sync_second(void *context)
{
    syncs_begin_second(&syncs);
    return sync_first(context);
}

static void a_second_sync_of_a_folder_hides_no_failure(void **state)
{
    (void)state;
    assert_non_null(mkdtemp(folder));
    syncs.second = sync_second;
    syncs.context = folder;
    assert_int_equal(syncs_run(&syncs, sync_first), ERR_IO);
    assert_int_equal(syncs.second_result, ERR_IO);
    assert_int_equal(syncs.count, 1);
    assert_int_equal(world_remove_tree(world_system(), folder, NULL), OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_second_sync_of_a_folder_hides_no_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
