/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Check: looks at everything that an upgrade or a boot needs before anything is
 * touched, and makes the plan for it. Check() on the bus shows what was found;
 * the methods that begin a job go on only when nothing found is an error.
 */
#pragma once

#include <systemd/sd-bus.h>

#include "config.h"
#include "engine.h"
#include "finding.h"
#include "job.h"
#include "policy.h"

/* What a job is checked against. */
typedef struct CheckContext {
        JobKind kind;                   /* of the job; a boot moves no units */
        sd_bus *bus;                    /* to ask systemd */
        const EngineBackend *backend;
        int twin_fd;                    /* of backend->twin, or negative: none */
        uint64_t running_job;           /* 0: none */
        const char *twin_kernel;        /* version of a twin that runs and can be upgraded to, or NULL */
} CheckContext;

typedef struct Check {
        Findings findings;
        EnginePlan *plan;               /* complete unless findings_bad() */
        Config config;
        Policy policy;
        struct twin_info info;
} Check;

/* Hears the end of a check, once. @check is gone after it; take what is needed. */
typedef void (*CheckDoneFn)(Check *check, void *userdata);

/**
 * check_start() - begin a check
 * @context:	copied
 * @version:	of the kernel to go to
 * @done:	called when all is known, maybe before check_start() returns
 * @userdata:	for @done
 *
 * Return: 0, or -ENOMEM, @done is then not called.
 */
int check_start(const CheckContext *context, const char *version, CheckDoneFn done, void *userdata);
