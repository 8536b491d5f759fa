/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Estate: which filesystems the machine has, and where they belong.
 */
#include <sys/stat.h>

#include "estate.h"
#include "scratch.h"

static void test_path(void) {
        ASSERT_STREQ(estate_path("/"), "/");
        ASSERT_STREQ(estate_path("/home"), "/home");
        ASSERT_STREQ(estate_path("/sysroot"), "/");
        ASSERT_STREQ(estate_path("/sysroot/home"), "/home");
        ASSERT_STREQ(estate_path("/sysrooted"), "/sysrooted");
}

static json_object *find(const char *mounts) {
        json_object *disks = NULL;

        scratch_write("/mounts", mounts);
        ASSERT_OK(estate_find_disks(scratch_path("/mounts"), scratch_path("/by-uuid"), &disks));
        return disks;
}

static void nothing(const char *mounts) {
        _cleanup_json_ json_object *disks = find(mounts);

        ASSERT_EQ(json_object_array_length(disks), 0);
}

static const char *text(json_object *disk, const char *key) {
        return json_object_get_string(json_object_object_get(disk, key));
}

/* Memory is no disk; of one that is mounted twice the first mount counts. */
static void test_disks(void) {
        _cleanup_json_ json_object *disks = NULL;
        _cleanup_free_ char *mounts = NULL, *dir = strdup(scratch_path(""));
        json_object *disk;
        struct stat st;

        ASSERT_OK(mkdir(scratch_path("/by-uuid"), 0755));
        nothing("");
        nothing("/dev/nothing / ext4 rw 0 0\n");

        ASSERT_OK(stat(dir, &st));
        ASSERT_OK(mknod(scratch_path("/by-uuid/1234-abcd"), S_IFBLK | 0600, st.st_dev));
        ASSERT_TRUE(asprintf(&mounts,
                             "tmpfs %s tmpfs rw 0 0\n"
                             "/dev/loop0 %s erofs ro 0 0\n"
                             "/dev/root %s ext4 rw,relatime 0 0\n"
                             "/dev/root %s ext4 rw,nosuid 0 0\n", dir, dir, dir, dir) > 0);
        disks = find(mounts);
        ASSERT_EQ(json_object_array_length(disks), 1);
        disk = json_object_array_get_idx(disks, 0);
        ASSERT_STREQ(text(disk, "uuid"), "1234-abcd");
        ASSERT_STREQ(text(disk, "type"), "ext4");
        ASSERT_STREQ(text(disk, "options"), "rw,relatime");
        ASSERT_STREQ(text(disk, "path"), dir);
}

int main(void) {
        scratch_make();
        test_path();
        test_disks();
        scratch_remove();
        return EXIT_SUCCESS;
}
