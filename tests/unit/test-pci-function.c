/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Addresses of PCI functions: what is one and what is not.
 */

#include "pci-function.h"
#include "test.h"

static void test_parse(void) {
        static const char *const bad[] = {
                "", "0", "00:04", "00:04.", "00:04.8", "00:20.0", "0:4.0", "0000:00:04.0 ", "0000:00:04.00",
                "00000:00:04.0", "000:00:04.0", "0000-00:04.0", "gg:04.0", "0000:00:04,0", "../00:04.0",
        };
        struct twin_function f;
        char text[PCI_FUNCTION_MAX];

        ASSERT_OK(pci_function_parse("0001:Ab:1f.7", &f));
        ASSERT_EQ(f.segment, 1);
        ASSERT_EQ(f.bus, 0xab);
        ASSERT_EQ(f.devfn, 0xff);
        ASSERT_EQ(f.reserved, 0);
        ASSERT_STREQ(pci_function_format(text, &f), "0001:ab:1f.7");
        ASSERT_OK(pci_function_parse("00:04.0", &f));
        ASSERT_STREQ(pci_function_format(text, &f), "0000:00:04.0");
        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                ASSERT_EQ(pci_function_parse(bad[i], &f), -EINVAL);
}

int main(void) {
        test_parse();
        return EXIT_SUCCESS;
}
