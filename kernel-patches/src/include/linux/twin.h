/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the rest of the kernel asks the twin subsystem (drivers/twin), and the
 * hooks it calls. All of it is empty without CONFIG_TWIN.
 */
#ifndef _LINUX_TWIN_H
#define _LINUX_TWIN_H

#include <linux/errno.h>
#include <linux/init.h>
#include <linux/types.h>

struct boot_params;
struct kexec_buf;
struct kimage;
struct resource;
struct watchdog_device;

#ifdef CONFIG_TWIN

bool twin_is_guest(void);
bool twin_exists(void);
bool twin_pci_hidden(unsigned int domain, unsigned int bus, unsigned int devfn);

int twin_kexec_begin(void);
void twin_kexec_end(void);
int twin_kexec_locate(struct kexec_buf *kbuf,
		      int (*func)(struct resource *, void *));
int twin_kexec_load(struct kimage *image);
void twin_kexec_unload(void);
int twin_kexec_setup_params(struct boot_params *params, unsigned long params_pa,
			    unsigned long kernel_pa, char *cmdline);

void twin_parse_setup_data(u64 pa);
void twin_reserve_early(void);

bool twin_board_is_foreign(void);
bool twin_ioapic_write(unsigned int apic, unsigned int reg, unsigned int val);
bool twin_hold_initcall(initcall_t fn);
bool twin_keep_initmem(void);

void twin_watchdog_add(struct watchdog_device *wdd);
void twin_watchdog_remove(struct watchdog_device *wdd);

#else

static inline bool twin_is_guest(void)
{
	return false;
}

static inline bool twin_exists(void)
{
	return false;
}

static inline bool twin_pci_hidden(unsigned int domain, unsigned int bus,
				   unsigned int devfn)
{
	return false;
}

static inline int twin_kexec_locate(struct kexec_buf *kbuf,
				    int (*func)(struct resource *, void *))
{
	return -EOPNOTSUPP;
}

static inline int twin_kexec_setup_params(struct boot_params *params,
					  unsigned long params_pa,
					  unsigned long kernel_pa,
					  char *cmdline)
{
	return -EOPNOTSUPP;
}

static inline void twin_parse_setup_data(u64 pa) { }
static inline void twin_reserve_early(void) { }

static inline bool twin_board_is_foreign(void)
{
	return false;
}

static inline bool twin_ioapic_write(unsigned int apic, unsigned int reg,
				     unsigned int val)
{
	return false;
}

static inline bool twin_hold_initcall(initcall_t fn)
{
	return false;
}

static inline bool twin_keep_initmem(void)
{
	return false;
}

static inline void twin_watchdog_add(struct watchdog_device *wdd) { }
static inline void twin_watchdog_remove(struct watchdog_device *wdd) { }

#endif /* CONFIG_TWIN */

#endif /* _LINUX_TWIN_H */
