/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Policy: which rule counts, and that each error names file, line and key.
 */
#include "json-file.h"
#include "policy.h"
#include "scratch.h"
#include "strv.h"

static void load(Policy *p) {
        _cleanup_free_ char *error = NULL;

        if (policy_load(p, &error) < 0)
                TEST_FAIL("%s", error);
}

static void test_none(void) {
        Policy p;

        load(&p);
        ASSERT_EQ(p.n_rules, 0);
        ASSERT_TRUE(!policy_find(&p, "a.service"));
        policy_done(&p);
}

static void test_first_match(void) {
        const PolicyRule *r;
        Policy p;

        scratch_write("/usr/lib/tkd/policy.json", "{\"version\":1,\"units\":[{\"match\":\"*\",\"action\":\"stop\"}]}");
        scratch_write("/etc/tkd/policy.d/20.json",
                      "{\"version\":1,\"units\":[\n"
                      "  {\"match\":\"redis*.service\",\"action\":\"migrate\",\"tcp\":\"keep\",\n"
                      "   \"carry\":[\"/etc/redis\",\"/var/lib/redis\"]},\n"
                      "  {\"match\":\"redis-x.service\",\"action\":\"migrate\"}]}");
        scratch_write("/etc/tkd/policy.d/10.json",
                      "{\"version\":1,\"units\":[{\"match\":\"redis-z.service\",\"action\":\"migrate\"}]}");
        load(&p);
        ASSERT_EQ(p.n_rules, 4);
        r = policy_find(&p, "redis-x.service");
        ASSERT_EQ(r->action, ENGINE_MIGRATE);
        ASSERT_TRUE(r->tcp_keep);
        ASSERT_EQ(strv_length(r->carry), 2);
        ASSERT_STREQ(r->carry[1], "/var/lib/redis");
        ASSERT_STREQ(r->source, "/etc/tkd/policy.d/20.json:2");
        ASSERT_EQ(policy_find(&p, "redis-z.service")->action, ENGINE_MIGRATE);
        ASSERT_EQ(policy_find(&p, "cron.service")->action, ENGINE_STOP);
        ASSERT_TRUE(!policy_find(&p, "cron.service")->tcp_keep);
        policy_done(&p);
}

static void test_error_in_a_long_file(void) {
        _cleanup_free_ char *error = NULL;
        Policy p;

        scratch_write("/etc/tkd/policy.json",
                      "{\n"
                      "  \"units\": [\n"
                      "    { \"match\": \"a \\\" ] } , b\", \"action\": \"stop\" },\n"
                      "    { \"match\": \"c\",\n"
                      "      \"carry\": [ [], {\"action\": 1}, \"}\" ],\n"
                      "      \"action\":\n"
                      "        \"go\" }\n"
                      "  ],\n"
                      "  \"version\": 1\n"
                      "}\n");
        ASSERT_EQ(policy_load(&p, &error), -EBADMSG);
        ASSERT_STREQ(error, "/etc/tkd/policy.json:5: units[1].carry: [] is not an absolute path");
        policy_done(&p);
}

static void test_lines(void) {
        JsonFile f = {};

        ASSERT_OK(json_file_load(scratch_path("/etc/tkd/policy.json"), &f, NULL));
        ASSERT_EQ(json_file_line(&f, (const char *const[]) { NULL }), 1);
        ASSERT_EQ(json_file_line(&f, (const char *const[]) { "units", NULL }), 2);
        ASSERT_EQ(json_file_line(&f, (const char *const[]) { "units", "1", NULL }), 4);
        ASSERT_EQ(json_file_line(&f, (const char *const[]) { "units", "1", "action", NULL }), 6);
        ASSERT_EQ(json_file_line(&f, (const char *const[]) { "units", "1", "carry", "1", "action", NULL }), 5);
        ASSERT_EQ(json_file_line(&f, (const char *const[]) { "version", NULL }), 9);
        ASSERT_EQ(json_file_line(&f, (const char *const[]) { "units", "1", "none", NULL }), 4);
        ASSERT_EQ(json_file_line(&f, (const char *const[]) { "units", "7", NULL }), 2);
        ASSERT_EQ(json_file_line(&f, (const char *const[]) { "none", "x", NULL }), 1);
        json_file_done(&f);
}

/* A text that is broken anywhere is refused, never read beyond its end. */
static void test_every_truncation(void) {
        static const char good[] = "{\"version\":1,\"units\":[{\"match\":\"*\",\"action\":\"stop\"}]}";

        for (size_t n = 0; n < sizeof(good) - 1; n++) {
                _cleanup_free_ char *text = strndup(good, n), *error = NULL;
                Policy p;

                scratch_write("/etc/tkd/policy.json", text);
                ASSERT_EQ(policy_load(&p, &error), -EBADMSG);
                ASSERT_TRUE(startswith(error, "/etc/tkd/policy.json:1: "));
                policy_done(&p);
        }
}

int main(void) {
        scratch_make();
        test_none();
        test_first_match();
        test_error_in_a_long_file();
        test_lines();
        test_every_truncation();
        scratch_remove();
        return EXIT_SUCCESS;
}
