/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Ledger: entries keep what was stamped, and merging adds each one once.
 */
#include "ledger.h"
#include "test.h"

static void test_add_and_parse(void) {
        _cleanup_json_ json_object *ledger = json_object_new_array();
        const char *event, *kernel;
        uint64_t tsc;

        ASSERT_OK(ledger_add(ledger, "freeze-begin", "6.12.117-tk", UINT64_C(1) << 52));
        ASSERT_OK(ledger_parse(json_object_array_get_idx(ledger, 0), &event, &kernel, &tsc));
        ASSERT_STREQ(event, "freeze-begin");
        ASSERT_STREQ(kernel, "6.12.117-tk");
        ASSERT_EQ(tsc, UINT64_C(1) << 52);
}

static void test_merge(void) {
        _cleanup_json_ json_object *a = json_object_new_array(), *b = json_object_new_array();

        ASSERT_OK(ledger_add(a, "commit", "7.2", 5));
        ASSERT_OK(ledger_add(b, "commit", "7.2", 5));
        ASSERT_OK(ledger_add(b, "resume", "7.2", 6));
        ASSERT_OK(ledger_merge(a, b));
        ASSERT_OK(ledger_merge(a, b));
        ASSERT_OK(ledger_merge(a, NULL));
        ASSERT_EQ(json_object_array_length(a), 2);
}

static void test_bad_entries(void) {
        static const char *const bad[] = {
                "{}", "[1]", "[[]]", "[[\"a\",\"b\"]]", "[[\"a\",\"b\",\"c\"]]", "[[\"a\",2,3]]", "[[\"a\",\"b\",3,4]]",
        };

        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                _cleanup_json_ json_object *ledger = json_object_new_array(), *other = json_tokener_parse(bad[i]);

                ASSERT_EQ(ledger_merge(ledger, other), -EBADMSG);
                ASSERT_EQ(json_object_array_length(ledger), 0);
        }
}

static void test_of_job(void) {
        _cleanup_json_ json_object *job = json_object_new_object();
        json_object *ledger = ledger_of_job(job);

        ASSERT_TRUE(ledger);
        ASSERT_TRUE(ledger_of_job(job) == ledger);
        json_object_object_add(job, "ledger", json_object_new_string("no list"));
        ASSERT_TRUE(json_object_is_type(ledger_of_job(job), json_type_array));
}

int main(void) {
        test_add_and_parse();
        test_merge();
        test_bad_entries();
        test_of_job();
        return EXIT_SUCCESS;
}
