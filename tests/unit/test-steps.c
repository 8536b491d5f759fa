/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Steps: the table is complete and in order, and states.dot is its picture.
 */
#include "files.h"
#include "steps.h"
#include "test.h"

static void test_table(void) {
        unsigned percent = 0;
        bool forward = false;

        for (Step s = 0; s < _STEP_MAX; s++) {
                const StepInfo *i = step_info(s);

                ASSERT_TRUE(i->name && i->state && i->text);
                ASSERT_EQ(step_from_string(i->name), s);
                ASSERT_TRUE(i->percent >= percent && i->percent < 100);
                percent = i->percent;
                ASSERT_TRUE(i->forward || i->undo_text);
                ASSERT_TRUE(!forward || i->forward);    /* none can be undone after one that cannot */
                ASSERT_TRUE(i->limit_sec > 0);
                forward = i->forward;
        }
        ASSERT_EQ(step_from_string("none"), _STEP_INVALID);
        ASSERT_STREQ(step_to_string(_STEP_INVALID), "");
}

static void test_progress(void) {
        unsigned last = 0;

        for (Step s = 0; s < _STEP_MAX; s++)
                for (unsigned percent = 0; percent <= 100; percent++) {
                        unsigned now = step_progress(s, percent);

                        ASSERT_TRUE(now >= last && now <= 100);
                        last = now;
                }
        ASSERT_EQ(last, 100);
        ASSERT_EQ(step_progress(STEP_OFFLINE, 1000), 100);
}

static void test_graph(void) {
        _cleanup_free_ char *drawn = NULL, *stored = NULL;
        size_t size;
        FILE *f = open_memstream(&drawn, &size);

        steps_print_graph(f);
        fclose(f);
        ASSERT_OK(read_text_file(TEST_STATES_DOT, &stored));
        ASSERT_STREQ(drawn, stored);
}

int main(void) {
        test_table();
        test_progress();
        test_graph();
        return EXIT_SUCCESS;
}
