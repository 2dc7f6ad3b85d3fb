#include "base/json.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

/* struct json * is a json_t * under another name; NULL stands for "out of memory" and is carried
 * along until json_dump() says so. jansson's own functions accept NULL and fail quietly. */
#define J(node)  ((json_t *)(void *)(node))
#define CJ(node) ((const json_t *)(const void *)(node))
#define S(node)  ((struct json *)(void *)(node))

/* A node in which a member could not be stored is marked, so that a dump is never silently short. */
static const char broken_key[] = "\x01oom";

static void store(struct json *obj, const char *key, json_t *value)
{
	if (json_object_set_new(J(obj), key, value) < 0)
		(void)json_object_set_new(J(obj), broken_key, json_true());
}

struct json *json_object_new(void)
{
	return S(json_object());
}

struct json *json_array_new(void)
{
	return S(json_array());
}

void json_free(struct json *root)
{
	json_decref(J(root));
}

/* Text from a module or a file name may not be UTF-8: replace what is not instead of losing it. */
static json_t *text_node(const char *value)
{
	json_t *node = json_string(value);
	char *copy, *c;

	if (node)
		return node;
	copy = strdup(value);
	if (!copy)
		return NULL;
	for (c = copy; *c; c++) {
		if ((unsigned char)*c >= 0x80)
			*c = '?';
	}
	node = json_string(copy);
	free(copy);
	return node;
}

void json_put_str(struct json *obj, const char *key, const char *value)
{
	store(obj, key, value ? text_node(value) : json_null());
}

void json_put_u64(struct json *obj, const char *key, uint64_t value)
{
	store(obj, key, json_integer((json_int_t)value));
}

void json_put_i64(struct json *obj, const char *key, int64_t value)
{
	store(obj, key, json_integer((json_int_t)value));
}

void json_put_bool(struct json *obj, const char *key, bool value)
{
	store(obj, key, json_boolean(value));
}

void json_put_null(struct json *obj, const char *key)
{
	store(obj, key, json_null());
}

void json_put_hex(struct json *obj, const char *key, struct slice s)
{
	char *hex = malloc(2 * s.n + 1);

	if (hex)
		hex_encode(hex, s);
	store(obj, key, hex ? json_string(hex) : NULL);
	free(hex);
}

struct json *json_put_object(struct json *obj, const char *key)
{
	json_t *child = json_object();

	store(obj, key, child);
	return S(json_object_get(J(obj), key));
}

struct json *json_put_array(struct json *obj, const char *key)
{
	json_t *child = json_array();

	store(obj, key, child);
	return S(json_object_get(J(obj), key));
}

void json_put(struct json *obj, const char *key, struct json *root)
{
	store(obj, key, J(root));
}

/* An array has no room for a mark; a lost element becomes null, which no caller can add and
 * json_dump() takes for one. NULL children are harmless. */
static void append(struct json *arr, json_t *value)
{
	if (json_array_append_new(J(arr), value) < 0)
		(void)json_array_append_new(J(arr), json_null());
}

struct json *json_add_object(struct json *arr)
{
	append(arr, json_object());
	return S(json_array_get(J(arr), json_array_size(J(arr)) - 1));
}

void json_add_str(struct json *arr, const char *value)
{
	append(arr, text_node(value));
}

void json_add_u64(struct json *arr, uint64_t value)
{
	append(arr, json_integer((json_int_t)value));
}

void json_add(struct json *arr, struct json *root)
{
	append(arr, J(root));
}

static bool is_broken(const json_t *node)
{
	const char *key;
	json_t *value;
	size_t i;

	if (json_is_object(node)) {
		if (json_object_get(node, broken_key))
			return true;
		json_object_foreach((json_t *)(void *)node, key, value) {
			if (is_broken(value))
				return true;
		}
	} else if (json_is_array(node)) {
		json_array_foreach((json_t *)(void *)node, i, value) {
			if (json_is_null(value) || is_broken(value))
				return true;
		}
	}
	return false;
}

struct dump {
	char *p;
	size_t n, cap;
	bool failed;
};

/* jansson passes over a failure while it writes a key, so the failure is kept here: nothing is added
 * any more, and json_dump() asks at the end. */
static int dump_add(const char *text, size_t n, void *data)
{
	struct dump *d = data;

	if (d->failed)
		return -1;
	if (n >= d->cap - d->n) {
		size_t cap = 2 * d->cap + n + 256;
		char *room = realloc(d->p, cap);

		if (!room) {
			d->failed = true;
			return -1;
		}
		d->p = room;
		d->cap = cap;
	}
	memcpy(d->p + d->n, text, n);
	d->n += n;
	d->p[d->n] = '\0';
	return 0;
}

int json_dump(const struct json *root, int indent, char **ret, struct err *e)
{
	struct dump d = { 0 };

	if (!root || is_broken(CJ(root)))
		return err_nomem(e);
	if (json_dump_callback(CJ(root), dump_add, &d,
			       (size_t)JSON_INDENT(indent) | JSON_PRESERVE_ORDER | JSON_ENCODE_ANY |
				       (indent ? 0 : JSON_COMPACT)) < 0 ||
	    d.failed || !d.p) {
		free(d.p);
		return err_nomem(e);
	}
	*ret = d.p;
	return 0;
}

int json_parse(struct slice text, struct json **ret, struct err *e)
{
	json_error_t why;
	json_t *root = json_loadb((const char *)text.p, text.n, JSON_REJECT_DUPLICATES, &why);

	if (!root)
		return err_set(e, ERR_PROTO, "not valid JSON: line %d: %s", why.line, why.text);
	*ret = S(root);
	return 0;
}

const struct json *json_get(const struct json *obj, const char *key)
{
	return (const struct json *)(const void *)json_object_get(CJ(obj), key);
}

bool json_has(const struct json *obj, const char *key)
{
	return json_get(obj, key) != NULL;
}

bool json_is_list(const struct json *node)
{
	return json_is_array(CJ(node));
}

bool json_is_members(const struct json *node)
{
	return json_is_object(CJ(node));
}

const char *json_str_value(const struct json *node, const char *dflt)
{
	const char *s = node ? json_string_value(CJ(node)) : NULL;

	return s ? s : dflt;
}

uint64_t json_u64_value(const struct json *node, uint64_t dflt)
{
	if (!node || !json_is_integer(CJ(node)) || json_integer_value(CJ(node)) < 0)
		return dflt;
	return (uint64_t)json_integer_value(CJ(node));
}

const char *json_get_str(const struct json *obj, const char *key, const char *dflt)
{
	return json_str_value(json_get(obj, key), dflt);
}

uint64_t json_get_u64(const struct json *obj, const char *key, uint64_t dflt)
{
	return json_u64_value(json_get(obj, key), dflt);
}

bool json_get_bool(const struct json *obj, const char *key, bool dflt)
{
	const struct json *node = json_get(obj, key);

	return node && json_is_boolean(CJ(node)) ? json_is_true(CJ(node)) : dflt;
}

size_t json_array_len(const struct json *arr)
{
	return json_array_size(CJ(arr));
}

const struct json *json_array_at(const struct json *arr, size_t i)
{
	return (const struct json *)(const void *)json_array_get(CJ(arr), i);
}

const char *json_key_at(const struct json *obj, size_t i)
{
	json_t *o = (json_t *)(void *)(uintptr_t)obj;
	void *it;

	for (it = json_object_iter(o); it; it = json_object_iter_next(o, it)) {
		if (i-- == 0)
			return json_object_iter_key(it);
	}
	return NULL;
}
