/* JSON by jansson. The handle is opaque, so that jansson stays in json.c. Building never fails
 * half-way: an allocation failure is remembered and json_dump() reports it. */
#ifndef SALVOR_BASE_JSON_H
#define SALVOR_BASE_JSON_H

#include "base/bytes.h"
#include "base/err.h"

struct json; /* an object or array node, owned by its root */

struct json *json_object_new(void);
struct json *json_array_new(void);
void json_free(struct json *root); /* NULL is fine; only for a root */

void json_put_str(struct json *obj, const char *key, const char *value); /* NULL value = null */
void json_put_u64(struct json *obj, const char *key, uint64_t value);
void json_put_i64(struct json *obj, const char *key, int64_t value);
void json_put_bool(struct json *obj, const char *key, bool value);
void json_put_null(struct json *obj, const char *key);
void json_put_hex(struct json *obj, const char *key, struct slice s);
/* A child that belongs to `obj`; NULL is never returned, use is safe even when out of memory. */
struct json *json_put_object(struct json *obj, const char *key);
struct json *json_put_array(struct json *obj, const char *key);
/* Moves a root into `obj`. */
void json_put(struct json *obj, const char *key, struct json *root);
struct json *json_add_object(struct json *arr);
void json_add_str(struct json *arr, const char *value);
void json_add_u64(struct json *arr, uint64_t value);
void json_add(struct json *arr, struct json *root);

/* Malloced text, NUL-terminated, keys in the order of insertion. indent 0 = one line. ERR_NOMEM when
 * anything was lost on the way; for trees that were built here, not for parsed ones. */
int json_dump(const struct json *root, int indent, char **ret, struct err *e) _must_check_;

/* Parses; depth and size are bounded. Duplicate keys are refused. */
int json_parse(struct slice text, struct json **ret, struct err *e) _must_check_;
/* Readers; missing or of another type gives the default. Returned texts live as long as the root. */
const char *json_get_str(const struct json *obj, const char *key, const char *dflt);
uint64_t json_get_u64(const struct json *obj, const char *key, uint64_t dflt);
bool json_get_bool(const struct json *obj, const char *key, bool dflt);
bool json_has(const struct json *obj, const char *key);
bool json_is_list(const struct json *node); /* an array; false for NULL */
bool json_is_members(const struct json *node); /* an object; false for NULL */
/* Borrowed child node, or NULL. */
const struct json *json_get(const struct json *obj, const char *key);
size_t json_array_len(const struct json *arr);
const struct json *json_array_at(const struct json *arr, size_t i);
const char *json_str_value(const struct json *node, const char *dflt);
uint64_t json_u64_value(const struct json *node, uint64_t dflt);
/* Key of the i-th member of an object, in order; NULL past the end. */
const char *json_key_at(const struct json *obj, size_t i);

#endif
