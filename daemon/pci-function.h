/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Addresses of PCI functions, as lspci -D prints them: "0000:00:04.0".
 */
#pragma once

#include <linux/twin.h>

#include "util.h"

#define PCI_FUNCTION_MAX        sizeof("ffff:ff:1f.7")

/**
 * pci_function_parse() - read an address
 * @s:          "0000:00:04.0", or "00:04.0" in segment 0
 * @ret:        the same as the kernel takes it
 *
 * Return: 0 or -EINVAL.
 */
int pci_function_parse(const char *s, struct twin_function *ret);

/* The full address, in the buffer. */
const char *pci_function_format(char buf[static PCI_FUNCTION_MAX], const struct twin_function *f);

/**
 * pci_function_has_root() - whether the root filesystem of this process lies on it
 * @f:          function
 *
 * What /sys says: a disk behind the function, also below a stack of virtual block devices.
 */
bool pci_function_has_root(const struct twin_function *f);
