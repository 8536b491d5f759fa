/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Journal: what is appended comes back, whatever a crash or a bad disk left.
 * fdatasync() is wrapped, so that it can be made to fail.
 */
#include <fcntl.h>
#include <sys/stat.h>

#include "crc32.h"
#include "journal.h"
#include "scratch.h"

static int sync_error;          /* of the next calls */
static unsigned syncs;

int __real_fdatasync(int fd);
int __wrap_fdatasync(int fd);

int __wrap_fdatasync(int fd) {
        syncs++;
        if (sync_error) {
                errno = sync_error;
                return -1;
        }
        return __real_fdatasync(fd);
}

/* Records as a string of their numbers: "123". */
static int collect(json_object *record, void *userdata) {
        char *seen = userdata;

        sprintf(seen + strlen(seen), "%d", json_object_get_int(json_object_object_get(record, "n")));
        return 0;
}

static Journal *open_journal(char *seen) {
        Journal *j = NULL;

        *seen = 0;
        ASSERT_OK(journal_open(scratch_path("/tkd/journal"), collect, seen, &j));
        return j;
}

static int append(Journal *j, int n) {
        _cleanup_json_ json_object *o = json_object_new_object();

        json_object_object_add(o, "n", json_object_new_int(n));
        return journal_append(j, o);
}

static void fresh(void) {
        unlink(scratch_path("/tkd/journal"));
}

static off_t size_of(void) {
        struct stat st;

        ASSERT_EQ(stat(scratch_path("/tkd/journal"), &st), 0);
        return st.st_size;
}

static void test_crc(void) {
        ASSERT_EQ(crc32_of("123456789", 9), 0xcbf43926);
        ASSERT_EQ(crc32_of("", 0), 0);
}

static void test_append_and_read(void) {
        char seen[64];
        Journal *j = open_journal(seen);

        ASSERT_STREQ(seen, "");
        syncs = 0;
        ASSERT_OK(append(j, 1));
        ASSERT_EQ(syncs, 1);
        ASSERT_OK(append(j, 2));
        journal_free(j);
        j = open_journal(seen);
        ASSERT_STREQ(seen, "12");
        ASSERT_OK(append(j, 3));
        journal_free(j);
        journal_free(open_journal(seen));
        ASSERT_STREQ(seen, "123");
}

/* Whatever part of the last record reached the disk, the ones before it are there. */
static void test_every_torn_end(void) {
        char seen[64];
        Journal *j;
        off_t two, three;

        fresh();
        j = open_journal(seen);
        append(j, 1);
        append(j, 2);
        two = size_of();
        append(j, 3);
        three = size_of();
        journal_free(j);
        for (off_t size = three - 1; size >= two; size--) {
                ASSERT_EQ(truncate(scratch_path("/tkd/journal"), size), 0);
                j = open_journal(seen);
                ASSERT_STREQ(seen, "12");
                ASSERT_EQ(journal_damaged(j), 0);
                ASSERT_EQ(size_of(), two);
                journal_free(j);
        }
}

static void poke(off_t at, char c) {
        _cleanup_close_ int fd = open(scratch_path("/tkd/journal"), O_WRONLY);

        ASSERT_EQ(pwrite(fd, &c, 1, at), 1);
}

/* Any byte of a record in the middle: that record is left out, no other. */
static void test_every_damaged_byte(void) {
        char seen[64];
        Journal *j;
        off_t one, two;

        fresh();
        j = open_journal(seen);
        append(j, 1);
        one = size_of();
        append(j, 2);
        two = size_of();
        append(j, 3);
        journal_free(j);
        for (off_t at = one; at < two - 1; at++) {
                _cleanup_free_ char *before = NULL;

                ASSERT_OK(read_text_file(scratch_path("/tkd/journal"), &before));
                poke(at, (char) (before[at] ^ 1));
                j = open_journal(seen);
                ASSERT_STREQ(seen, "13");
                ASSERT_EQ(journal_damaged(j), 1);
                journal_free(j);
                poke(at, before[at]);
        }
}

static void test_zeros_at_the_end(void) {
        char seen[64];
        Journal *j;
        off_t size;

        fresh();
        j = open_journal(seen);
        append(j, 1);
        journal_free(j);
        size = size_of();
        ASSERT_EQ(truncate(scratch_path("/tkd/journal"), size + 100), 0);
        j = open_journal(seen);
        ASSERT_STREQ(seen, "1");
        ASSERT_OK(append(j, 2));
        journal_free(j);
        journal_free(open_journal(seen));
        ASSERT_STREQ(seen, "12");
}

/* A record whose sync failed is not there, and the next one rewrites the file. */
static void test_failed_sync(void) {
        char seen[64];
        struct stat before, after;
        Journal *j;

        fresh();
        j = open_journal(seen);
        ASSERT_OK(append(j, 1));
        sync_error = EIO;
        ASSERT_EQ(append(j, 2), -EIO);
        ASSERT_EQ(append(j, 3), -EIO);
        sync_error = 0;
        ASSERT_EQ(stat(scratch_path("/tkd/journal"), &before), 0);
        ASSERT_OK(append(j, 4));
        ASSERT_EQ(stat(scratch_path("/tkd/journal"), &after), 0);
        ASSERT_TRUE(before.st_ino != after.st_ino);
        ASSERT_OK(append(j, 5));
        journal_free(j);
        journal_free(open_journal(seen));
        ASSERT_STREQ(seen, "145");
}

static void test_failed_sync_at_open(void) {
        char seen[64] = "";
        Journal *j = NULL;

        sync_error = EIO;
        ASSERT_EQ(journal_open(scratch_path("/tkd/journal"), collect, seen, &j), -EIO);
        ASSERT_TRUE(!j);
        sync_error = 0;
}

static json_object *records(const char *json) {
        json_object *o = json_tokener_parse(json);

        ASSERT_TRUE(o);
        return o;
}

static void test_rewrite(void) {
        _cleanup_json_ json_object *few = records("[{\"n\":7},{\"n\":8}]");
        char seen[64];
        Journal *j = open_journal(seen);

        ASSERT_OK(journal_rewrite(j, few));
        ASSERT_OK(append(j, 9));
        sync_error = EIO;
        ASSERT_EQ(journal_rewrite(j, few), -EIO);
        sync_error = 0;
        ASSERT_TRUE(access(scratch_path("/tkd/journal.new"), F_OK) < 0);
        ASSERT_OK(append(j, 6));
        journal_free(j);
        journal_free(open_journal(seen));
        ASSERT_STREQ(seen, "7896");
}

static int refuse(json_object *record, void *userdata) {
        return -ENOMEM;
}

static void test_reader_that_fails(void) {
        Journal *j = NULL;

        ASSERT_EQ(journal_open(scratch_path("/tkd/journal"), refuse, NULL, &j), -ENOMEM);
}

int main(void) {
        scratch_make();
        test_crc();
        test_append_and_read();
        test_every_torn_end();
        test_every_damaged_byte();
        test_zeros_at_the_end();
        test_failed_sync();
        test_failed_sync_at_open();
        test_rewrite();
        test_reader_that_fails();
        scratch_remove();
        return EXIT_SUCCESS;
}
