/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * EngineError: why a step failed, as the user shall read it. The name is the
 * last part of a D-Bus error name of tkd (protocol.h), "CheckpointFailed".
 */
#pragma once

#include "util.h"

typedef struct EngineError {
        const char *name;       /* constant string */
        char *message;          /* allocated */
} EngineError;

/**
 * engine_error_set() - note why something failed
 * @e:          error, may be NULL; an earlier error is replaced
 * @r:          negative errno to be returned
 * @name:       constant string
 * @format:     of printf; %m stands for the text of @r
 *
 * Return: @r.
 */
int engine_error_set(EngineError *e, int r, const char *name, const char *format, ...) _printf_(4, 5);

/**
 * engine_error_take() - make an error out of a text that a backend returned
 * @e:          error
 * @r:          negative errno to be returned
 * @name:       constant string
 * @what:       what was tried: "Cannot dump redis-server.service"
 * @text:       the backend's text, or NULL for that of @r
 *
 * Return: @r.
 */
int engine_error_take(EngineError *e, int r, const char *name, const char *what, const char *text);

/**
 * engine_error_clear() - free what it holds
 * @e: error
 */
void engine_error_clear(EngineError *e);

#define _cleanup_error_ _cleanup_(engine_error_clear)

/**
 * error_text() - printf for a ret_error argument of a backend
 * @ret_error:  set to an allocated text unless NULL
 * @r:          negative errno to be returned
 * @format:     of printf; %m stands for the text of @r
 *
 * Return: @r.
 */
int error_text(char **ret_error, int r, const char *format, ...) _printf_(3, 4);
