/* Compiler attributes and checked helpers that every floor uses. */
#ifndef SALVOR_BASE_ATTR_H
#define SALVOR_BASE_ATTR_H

#include <stddef.h>

#define _must_check_      __attribute__((warn_unused_result))
#define _nonnull_(...)    __attribute__((nonnull(__VA_ARGS__)))
#define _nonnull_all_     __attribute__((nonnull))
#define _printf_(a, b)    __attribute__((format(printf, a, b)))
#define _cleanup_(f)      __attribute__((cleanup(f)))
#define _unused_          __attribute__((unused))
#define _pure_            __attribute__((pure))
#define _fallthrough_     __attribute__((fallthrough))

/* An array's length; a pointer in its place does not compile. */
#define ARRAY_SIZE(a)                                                                              \
	(sizeof(a) / sizeof((a)[0]) +                                                              \
	 sizeof(char[1 - 2 * !!__builtin_types_compatible_p(__typeof__(a), __typeof__(&(a)[0]))]) - 1)

/* The struct that holds `member`; the pointer's type is checked against the member's. */
#define container_of(ptr, type, member)                                                            \
	({                                                                                         \
		const __typeof__(((type *)0)->member) *mptr_ = (ptr);                              \
		(type *)(void *)((char *)(void *)mptr_ - offsetof(type, member));                  \
	})

#define MIN_OF(a, b) ((a) < (b) ? (a) : (b))
#define MAX_OF(a, b) ((a) > (b) ? (a) : (b))

#endif
