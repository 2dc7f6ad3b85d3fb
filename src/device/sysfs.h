/* Small reads under an injectable root. What is not there is normal, so these answer false, not
 * errors. */
#ifndef SALVOR_DEVICE_SYSFS_H
#define SALVOR_DEVICE_SYSFS_H

#include "base/bytes.h"

#define SYSFS_PATH_MAX 4096

/* "ROOT/sys/bus/usb/devices/NAME" plus "/ATTR" unless that is NULL. False when it does not fit. */
bool sysfs_path(char out[SYSFS_PATH_MAX], const char *root, const char *name, const char *attr);
/* Whole text of an attribute without the final newline; bytes that are not printable ASCII become
 * '?'. A longer text is cut. */
bool sysfs_text(const char *root, const char *name, const char *attr, char *out, size_t cap);
/* A number in base 10 or 16, alone in its attribute (blanks allowed). */
bool sysfs_number(const char *root, const char *name, const char *attr, int base, unsigned long max,
		  unsigned long *ret);
/* Raw bytes, at most cap. */
bool sysfs_bytes(const char *root, const char *name, const char *attr, uint8_t *out, size_t cap,
		 size_t *ret_n);
/* Last part of what a symbolic link points to. */
bool sysfs_link(const char *root, const char *name, const char *attr, char *out, size_t cap);
/* The first entry (in alphabetic order) of a folder whose name begins with `prefix`. */
bool sysfs_child(const char *root, const char *name, const char *attr, const char *prefix,
		 char *out, size_t cap);

#endif
