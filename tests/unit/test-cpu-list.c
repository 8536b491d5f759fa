/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * CpuSet: lists as the kernel writes them, and the half that a twin gets.
 */
#include "cpu-list.h"
#include "test.h"

static void same(const char *text, const char *normal, unsigned count) {
        _cleanup_free_ char *back = NULL;
        CpuSet s;

        ASSERT_OK(cpu_set_parse(text, &s));
        ASSERT_EQ(cpu_set_count(&s), count);
        back = cpu_set_to_string(&s);
        ASSERT_STREQ(back, normal);
}

static void test_lists(void) {
        same("0\n", "0", 1);
        same("0-3", "0-3", 4);
        same("3,1,2,0", "0-3", 4);
        same("0,2-3,255", "0,2-3,255", 4);
        same("62-65", "62-65", 4);
        same("0-255", "0-255", 256);
}

static void test_bad_lists(void) {
        static const char *const bad[] = { "", "a", "1-", "-1", "1,,2", "1,", "3-1", "1 2", "1-2-3", "0x1" };
        CpuSet s;

        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                ASSERT_EQ(cpu_set_parse(bad[i], &s), -EINVAL);
        ASSERT_EQ(cpu_set_parse("256", &s), -ERANGE);
        ASSERT_EQ(cpu_set_parse("0-99999999999999999999", &s), -ERANGE);
}

static void half(const char *online, unsigned boot_cpu, const char *expected) {
        _cleanup_free_ char *text = NULL;
        CpuSet s, h;

        ASSERT_OK(cpu_set_parse(online, &s));
        cpu_set_upper_half(&s, boot_cpu, &h);
        text = cpu_set_to_string(&h);
        ASSERT_STREQ(text, expected);
}

static void test_half(void) {
        half("0-3", 0, "2-3");
        half("0-2", 0, "2");
        half("0", 0, "");
        half("0-1", 0, "1");
        half("0,4-6,9", 0, "6,9");
        half("0-3", 2, "1,3");
        half("0-3", 3, "1-2");
        half("0-1", 1, "1");    /* there is no other */
        half("0-2", 2, "1");
}

int main(void) {
        test_lists();
        test_bad_lists();
        test_half();
        return EXIT_SUCCESS;
}
