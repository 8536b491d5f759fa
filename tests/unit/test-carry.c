/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Carry: which files go early, which late, and that unpacking brings back what
 * is missing, changed or gone.
 */
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "carry-list.h"
#include "carry.h"
#include "files.h"
#include "test.h"

static char top[] = "/tmp/test-carry.XXXXXX";

/* Valid until it was called three more times. */
static char *in_top(const char *name) {
        static char path[4][256];
        static unsigned next;
        char *p = path[next++ % ELEMENTSOF(path)];

        snprintf(p, sizeof(path[0]), "%s/%s", top, name);
        return p;
}

static void expect_text(const char *name, const char *expected) {
        _cleanup_free_ char *text = NULL;

        ASSERT_OK(read_text_file(in_top(name), &text));
        ASSERT_STREQ(text, expected);
}

static json_object *entry(json_object *list, const char *path) {
        json_object *e;

        return json_object_object_get_ex(list, path, &e) ? e : NULL;
}

static void test_list(void) {
        _cleanup_json_ json_object *list = json_object_new_object();
        _cleanup_close_ int written = open(in_top("data/log"), O_WRONLY | O_CREAT, 0644);
        char *own[] = { (char *) "/etc/hostname", NULL };
        _cleanup_free_ char *data = strdup(in_top("data"));
        char *carry[] = { data, NULL };
        pid_t self = getpid();
        EngineUnit unit = { .carry = carry };
        UnitState state = { .pids = &self, .n_pids = 1, .files = own };

        ASSERT_OK(carry_list_add_unit(list, &unit, &state));
        ASSERT_TRUE(entry(list, top) && entry(list, in_top("data")) && entry(list, in_top("data/stays")));
        ASSERT_TRUE(carry_list_is_written(entry(list, in_top("data/log"))));
        ASSERT_TRUE(!carry_list_is_written(entry(list, in_top("data/stays"))));
        json_object_object_foreach(list, path, e) {
                ASSERT_TRUE(!startswith(path, "/proc/") && !startswith(path, "/sys/"));
                ASSERT_EQ(carry_list_same(e, path), !carry_list_is_written(e));
        }
        unlink(in_top("data/log"));
}

static void test_no_such_files(void) {
        _cleanup_json_ json_object *list = json_object_new_object();

        ASSERT_OK(carry_list_add(list, "/nonexistent/file", false));
        ASSERT_OK(carry_list_add_tree(list, "/nonexistent"));
        ASSERT_OK(carry_list_add(list, "/proc/self/status", false));
        ASSERT_OK(carry_list_add(list, "/", false));
        ASSERT_OK(carry_list_add(list, "pipe:[12]", false));
        ASSERT_EQ(json_object_object_length(list), 0);
}

static void test_pack_and_unpack(void) {
        _cleanup_free_ char *data = strdup(in_top("data")), *memory = strdup(in_top("memory"));
        char *carry[] = { data, NULL };
        char nowhere[] = "/sys/fs/cgroup/none";
        EngineUnit unit = { .carry = carry };
        UnitState state = { .cgroup = nowhere };

        ASSERT_OK(carry_tar.pack(&unit, &state, 1, false, memory, NULL));
        ASSERT_OK(write_text_file(in_top("data/changes"), "after"));
        ASSERT_OK(write_text_file(in_top("data/comes"), "new"));
        ASSERT_OK(unlink(in_top("data/goes")));
        ASSERT_OK(carry_tar.pack(&unit, &state, 1, true, memory, NULL));

        /* the twin, where nothing of it exists */
        ASSERT_OK(system("rm -rf /tmp/test-carry.*/data"));
        ASSERT_OK(carry_tar.unpack(false, memory, NULL));
        expect_text("data/stays", "same");
        expect_text("data/changes", "before");
        expect_text("data/goes", "away");
        ASSERT_OK(carry_tar.unpack(true, memory, NULL));
        expect_text("data/stays", "same");
        expect_text("data/changes", "after");
        expect_text("data/comes", "new");
        ASSERT_TRUE(access(in_top("data/goes"), F_OK) < 0);
}

static void test_bad_archive(void) {
        _cleanup_free_ char *error = NULL;

        ASSERT_TRUE(carry_tar.unpack(false, "/nonexistent", &error) < 0);
        ASSERT_TRUE(error && strstr(error, "/nonexistent/files-early.json"));
}

int main(void) {
        ASSERT_TRUE(mkdtemp(top));
        ASSERT_OK(mkdir(in_top("data"), 0755));
        ASSERT_OK(mkdir(in_top("memory"), 0755));
        ASSERT_OK(write_text_file(in_top("data/stays"), "same"));
        test_list();
        test_no_such_files();
        ASSERT_OK(write_text_file(in_top("data/changes"), "before"));
        ASSERT_OK(write_text_file(in_top("data/goes"), "away"));
        test_pack_and_unpack();
        test_bad_archive();
        ASSERT_OK(system("rm -rf /tmp/test-carry.*"));
        return EXIT_SUCCESS;
}
