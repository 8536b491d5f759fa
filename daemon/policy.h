/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * policy.json: what becomes of each unit in an upgrade, see tkd-policy(5).
 */
#pragma once

#include "engine.h"
#include "util.h"

typedef struct PolicyRule {
        char *match;                    /* of fnmatch(3), on the unit's name */
        EngineAction action;
        bool tcp_keep;
        char **carry;                   /* absolute paths, may be NULL */
        char *source;                   /* "FILE:LINE", for messages */
} PolicyRule;

typedef struct Policy {
        PolicyRule *rules;              /* the first that matches counts */
        size_t n_rules;
} Policy;

/**
 * policy_load() - read all files of the policy
 * @ret:	rules of the drop-ins by file name, then of the main file; to be released with
 *		policy_done(), also after an error
 * @ret_error:	on -EBADMSG the file, line and key at fault, and why
 *
 * Return: 0; -EBADMSG; or another negative errno.
 */
int policy_load(Policy *ret, char **ret_error);

void policy_done(Policy *p);

/* The rule for a unit, or NULL when none matches. */
const PolicyRule *policy_find(const Policy *p, const char *unit);

const char *action_to_string(EngineAction action);
int action_from_string(const char *s);  /* an EngineAction or -EINVAL */
