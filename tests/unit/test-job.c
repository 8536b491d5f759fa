/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Job, JobStore and plan: what is saved comes back as it was.
 */
#include "job-store.h"
#include "plan.h"
#include "protocol.h"
#include "scratch.h"

static Job *make(uint64_t id) {
        Job *job;

        ASSERT_OK(job_new(id, JOB_UPGRADE, "7.2", TKD_MODE_TWIN, "uid 0 (root)", &job));
        return job;
}

static void assert_same_json(json_object *a, json_object *b) {
        if (!json_object_equal(a, b))
                TEST_FAIL("%s\nis not\n%s", json_object_to_json_string(a), json_object_to_json_string(b));
}

static void test_round_trip(void) {
        _cleanup_json_ json_object *first = NULL, *second = NULL;
        Job *job = make(UINT64_C(1) << 60), *again;

        job->tsc_khz = 2000000;
        job_set_step(job, STEP_BOOT);
        job_set_state(job, TKD_STATE_BOOTING);
        job_set_status(job, "a \"status\"\n");
        job_set_progress(job, 33);
        ASSERT_OK(job_add_stamp(job, "freeze-begin", "old", UINT64_C(1) << 61));
        job_set_error(job, TKD_ERROR_FAILED, "text");
        job_set_error(job, TKD_ERROR_BUSY, "a later one does not count");
        job_append_error(job, "more");
        job_finish(job, TKD_RESULT_FAILED);
        first = job_to_json(job);
        ASSERT_OK(job_new_from_json(first, &again));
        second = job_to_json(again);
        assert_same_json(first, second);
        ASSERT_STREQ(again->error_name, TKD_ERROR_FAILED);
        ASSERT_STREQ(again->error_text, "text; more");
        ASSERT_STREQ(again->path, "/org/twinkernel/tkd1/job/1152921504606846976");
        ASSERT_EQ(again->step, STEP_BOOT);
        job_free(job);
        job_free(again);
}

static void test_times(void) {
        Job *job = make(1);
        Stamp s;

        ASSERT_OK(job_add_stamp(job, "resume", "twin", 9000));
        ASSERT_EQ(job_downtime_nsec(job), 0);
        ASSERT_OK(job_add_stamp(job, "freeze-begin", "old", 3000));
        ASSERT_TRUE(job_get_stamp(job, 1, &s));
        ASSERT_EQ(job_stamp_nsec(job, &s), 0);          /* frequency not known */
        job->tsc_khz = 3000000;
        ASSERT_EQ(job_stamp_nsec(job, &s), 1000);
        ASSERT_EQ(job_downtime_nsec(job), 2000);
        ASSERT_TRUE(!job_get_stamp(job, 2, &s));
        s.tsc = UINT64_MAX;                             /* must not overflow on the way */
        ASSERT_EQ(job_stamp_nsec(job, &s), UINT64_MAX / 3);
        job_free(job);
}

static void test_bad_json(void) {
        static const char *const bad[] = {
                "{}",
                "{\"id\":\"x\"}",
                "{\"id\":1,\"version\":2,\"mode\":\"\",\"initiator\":\"\",\"state\":\"\",\"tsc-khz\":1,"
                "\"started\":1,\"finished\":1,\"ledger\":[]}",
                "{\"id\":1,\"version\":\"\",\"mode\":\"\",\"initiator\":\"\",\"state\":\"\",\"tsc-khz\":1,"
                "\"started\":1,\"finished\":1}",
                "{\"id\":1,\"version\":\"\",\"mode\":\"\",\"initiator\":\"\",\"state\":\"\",\"tsc-khz\":1,"
                "\"started\":1,\"finished\":1,\"ledger\":[[1]]}",
        };

        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                _cleanup_json_ json_object *o = json_tokener_parse(bad[i]);
                Job *job;

                ASSERT_TRUE(o);
                ASSERT_EQ(job_new_from_json(o, &job), -EBADMSG);
        }
}

static void test_running(void) {
        Job *job = make(1);

        ASSERT_TRUE(job_running(job));
        job_finish(job, TKD_RESULT_COMMITTED);
        ASSERT_TRUE(job_running(job));
        job_finish(job, TKD_RESULT_DONE);
        ASSERT_TRUE(!job_running(job));
        job_free(job);
}

static EnginePlan *make_plan(void) {
        EnginePlan *p = calloc(1, sizeof(EnginePlan));

        ASSERT_TRUE(p);
        p->tkd_version = strdup("1");
        p->version = strdup("7.2");
        p->kernel = strdup("/boot/k");
        p->cmdline = strdup("quiet");
        p->handover_dir = strdup("/h");
        p->mem_size = UINT64_C(1) << 40;
        p->cpus[0] = 12;
        p->boot_timeout_usec = USEC_NEVER;
        ASSERT_OK(plan_add_unit(p, "a.service", ENGINE_MIGRATE, true, (char *[]) { (char *) "/x", NULL }));
        ASSERT_OK(plan_add_unit(p, "b.service", ENGINE_STOP, false, NULL));
        return p;
}

static void test_plan(void) {
        _cleanup_(engine_plan_freep) EnginePlan *p = make_plan(), *again = NULL;
        _cleanup_json_ json_object *first = plan_to_json(p), *second = NULL;

        ASSERT_OK(plan_new_from_json(first, &again));
        second = plan_to_json(again);
        assert_same_json(first, second);
        ASSERT_TRUE(!again->initrd);
        ASSERT_EQ(again->cpus[0], 12);
        ASSERT_EQ(again->n_units, 2);
        ASSERT_STREQ(again->units[0].carry[0], "/x");
        ASSERT_TRUE(again->units[0].tcp_keep);
        ASSERT_TRUE(again->boot_timeout_usec == USEC_NEVER);
        json_object_object_del(first, "memory");
        ASSERT_EQ(plan_new_from_json(first, &p), -EBADMSG);
}

static void test_store(void) {
        _cleanup_json_ json_object *plan = json_tokener_parse("{\"x\":1}");
        JobStore *s;
        Job *job;

        ASSERT_OK(job_store_open(scratch_path("/tkd/journal"), &s));
        ASSERT_EQ(job_store_next_id(s), 1);
        ASSERT_TRUE(!job_store_unfinished(s));
        ASSERT_OK(job_store_add(s, make(1)));
        job_finish(s->jobs[0], TKD_RESULT_FAILED);
        ASSERT_OK(job_store_record(s, s->jobs[0], "finished"));
        job = make(2);
        ASSERT_OK(job_store_add(s, job));
        ASSERT_OK(job_store_record_new(s, job, plan));
        job_set_step(job, STEP_LOAD);
        ASSERT_OK(job_store_record(s, job, "begin"));
        job_store_free(s);

        for (int i = 0; i < 3; i++) {                   /* packing keeps the plan, however often */
                ASSERT_OK(job_store_open(scratch_path("/tkd/journal"), &s));
                ASSERT_EQ(s->n_jobs, 2);
                ASSERT_EQ(job_store_unfinished(s)->step, STEP_LOAD);
                ASSERT_TRUE(job_store_same_boot(s));
                assert_same_json(s->last_plan, plan);
                job_store_free(s);
        }
}

static void test_import(void) {
        _cleanup_json_ json_object *document = NULL;
        JobStore *old, *twin;
        Job *job;

        ASSERT_OK(job_store_open(scratch_path("/tkd/journal"), &old));
        document = job_store_document(old, old->jobs[1]);
        ASSERT_OK(job_store_open(scratch_path("/twin/journal"), &twin));
        ASSERT_OK(job_store_import(twin, document, &job));
        ASSERT_EQ(job->id, 2);
        ASSERT_EQ(twin->n_jobs, 2);
        ASSERT_EQ(job_store_next_id(twin), 3);
        json_object_object_add(document, "history", json_object_new_string("x"));
        ASSERT_EQ(job_store_import(twin, document, &job), -EBADMSG);
        job_store_free(old);
        job_store_free(twin);
}

int main(void) {
        scratch_make();
        test_round_trip();
        test_times();
        test_bad_json();
        test_running();
        test_plan();
        test_store();
        test_import();
        scratch_remove();
        return EXIT_SUCCESS;
}
