/* cmocka needs these four before its own header; tests include this instead. */
#ifndef SALVOR_TESTS_UNIT_H
#define SALVOR_TESTS_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "base/err.h"

/* Asserts that the call failed with exactly this kind. */
#define assert_err(expr, err, expected_kind)                                                       \
	do {                                                                                       \
		assert_int_equal((expr), -1);                                                      \
		assert_int_equal((err).kind, (expected_kind));                                     \
		assert_true((err).msg[0] != '\0');                                                 \
	} while (0)
/* Asserts success and shows the message otherwise. */
#define assert_ok(expr, err)                                                                       \
	do {                                                                                       \
		if ((expr) != 0)                                                                   \
			fail_msg("%s: %s", #expr, (err).msg);                                      \
	} while (0)
#define assert_slice_equal(s, ptr, len)                                                            \
	do {                                                                                       \
		assert_int_equal((s).n, (len));                                                    \
		assert_memory_equal((s).p, (ptr), (len));                                          \
	} while (0)

#endif
