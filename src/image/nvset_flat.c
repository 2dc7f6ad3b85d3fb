#include "image/nvset_flat.h"

#include "base/cleanup.h"
#include "model/manifest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void nvset_nv_name(enum nvset_sub sub, uint16_t id, uint16_t index, char out[32])
{
	struct writer w = writer_of(out, 31);

	wr_str(&w, "nv/");
	if (sub != NVSET_DEFAULT)
		wr_fmt(&w, "sim%d/", (int)sub);
	wr_fmt(&w, "%05u", id);
	if (index)
		wr_fmt(&w, "_%u", index);
	wr_str(&w, ".bin");
	out[w.n] = '\0';
}

/* Decimal up to 65535; *p moves behind it. */
static bool number(const char **p, uint16_t *ret)
{
	uint32_t v = 0;
	size_t n = 0;

	for (; **p >= '0' && **p <= '9'; (*p)++) {
		v = 10 * v + (uint32_t)(**p - '0');
		if (v > UINT16_MAX)
			return false;
		n++;
	}
	*ret = (uint16_t)v;
	return n > 0;
}

bool nvset_nv_name_parse(const char *name, enum nvset_sub *ret_sub, uint16_t *ret_id,
			 uint16_t *ret_index)
{
	static const struct {
		const char *folder, *end;
		enum nvset_sub sub;
	} forms[] = {
		{ "nv/sim1/", ".bin", NVSET_SIM_1 },  { "nv/sim2/", ".bin", NVSET_SIM_2 },
		{ "nv/", ".bin", NVSET_DEFAULT },     { "nv_items/", ".bin", NVSET_DEFAULT },
		{ "nvm/num/", "", NVSET_DEFAULT },    { "nvm/context1/", "", NVSET_SIM_1 },
		{ "nvm/context2/", "", NVSET_SIM_2 },
	};
	uint16_t id, index = 0;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(forms); i++) {
		size_t n = strlen(forms[i].folder);
		const char *p = name + n;

		if (strncmp(name, forms[i].folder, n) != 0 || !number(&p, &id))
			continue;
		if (*p == '_' && (p++, !number(&p, &index)))
			continue;
		if (strcmp(p, forms[i].end) != 0)
			continue;
		*ret_sub = forms[i].sub;
		*ret_id = id;
		*ret_index = index;
		return true;
	}
	return false;
}

/* Where the content of a node goes, and whether its bytes are just a path. */
struct place {
	const struct qnode *node;
	char *name;    /* of a content; NULL = none of its own */
	bool is_first; /* this node's bytes are the ones to hand out */
	size_t first;  /* where in the list the content stands that has the path first */
	bool is_path;  /* an entry of EFS_Dir that can be told as header, path and NUL */
	size_t head;
	const char *path;
};

struct flat {
	const struct qtree *t;
	struct nvset_flat *to;
	struct place *place; /* sorted by node */
	size_t n_places;
	struct buf layout;
	unsigned n_other;
};

static int by_node(const void *a, const void *b)
{
	uintptr_t pa = (uintptr_t)((const struct place *)a)->node,
		  pb = (uintptr_t)((const struct place *)b)->node;

	return pa < pb ? -1 : pa > pb;
}

static int by_name(const void *a, const void *b)
{
	const struct place *pa = *(const struct place *const *)a,
			   *pb = *(const struct place *const *)b;
	int c = strcmp(pa->name, pb->name);

	return c ? c : pa < pb ? -1 : 1;
}

/* "/x" and "x" are two files on a module and one here: the later one goes to the other streams, and
 * so do its repetitions. */
static int drop_clashes(struct place *place, size_t n, struct err *e)
{
	_cleanup_free_ struct place **v = malloc((n + 1) * sizeof(*v));
	size_t named = 0, i;

	if (!v)
		return err_nomem(e);
	for (i = 0; i < n; i++) {
		if (place[i].name && place[i].is_first)
			v[named++] = &place[i];
	}
	qsort(v, named, sizeof(*v), by_name);
	for (i = 1; i < named; i++) {
		if (strcmp(v[i - 1]->name, v[i]->name) != 0)
			continue;
		free(v[i]->name);
		v[i]->name = NULL;
		v[i] = v[i - 1];
	}
	for (i = 0; i < n; i++) {
		if (place[i].name && !place[place[i].first].name) {
			free(place[i].name);
			place[i].name = NULL;
		}
	}
	return 0;
}

static bool tell_path(const struct nvset_file *one, struct place *ret)
{
	size_t head = one->section == NVSET_EFS_BACKUP ? 8 : 0, n = strlen(one->path);

	/* Nothing behind the path but its NUL. */
	*ret = (struct place){ .node = one->dir, .is_path = true, .head = head, .path = one->path };
	return one->dir->n == head + n || one->dir->n == head + n + 1;
}

static int places(struct flat *f, struct err *e)
{
	_cleanup_free_ size_t *at = NULL; /* of a file's content in the list */
	struct nvset_files files;
	size_t i;
	int r = 0;

	if (nvset_files_list(f->t, &files, e) < 0)
		return -1;
	at = calloc(files.n + 1, sizeof(*at));
	f->place = calloc(2 * files.n + 1, sizeof(*f->place));
	if (!f->place || !at)
		r = err_nomem(e);
	for (i = 0; r == 0 && i < files.n; i++) {
		const struct nvset_file *one = &files.v[i];
		struct place *content;

		if (one->state != NVSET_FILE_OK)
			continue;
		if (tell_path(one, &f->place[f->n_places]))
			f->n_places++;
		if (one->differs)
			continue;
		/* The first of a path stands before the others, in the list too. */
		at[i] = f->n_places;
		content = &f->place[f->n_places++];
		*content = (struct place){ .node = one->data,
					   .is_first = one->first == i,
					   .first = at[one->first] };
		r = manifest_name_of_path("efs", one->path, &content->name, e);
		/* A path that makes no name is no reason to fail. */
		if (r < 0 && e->kind != ERR_NOMEM)
			r = 0;
		if (content->name && strlen(content->name) > QTREE_MAX_NAME) {
			free(content->name);
			content->name = NULL;
		}
	}
	if (r == 0)
		r = drop_clashes(f->place, f->n_places, e);
	if (r == 0)
		qsort(f->place, f->n_places, sizeof(*f->place), by_node);
	nvset_files_fini(&files);
	return r;
}

static const struct place *place_find(const struct flat *f, const struct qnode *node)
{
	struct place key = { .node = node };

	return f->n_places ? bsearch(&key, f->place, f->n_places, sizeof(key), by_node) : NULL;
}

static int put(struct flat *f, const char *text, struct err *e)
{
	return buf_add(&f->layout, text, strlen(text), e);
}

/* Names and paths with what would break the line, and '%', as %XX. */
static int put_escaped(struct flat *f, const char *text, struct err *e)
{
	char one[4];

	for (; *text; text++) {
		uint8_t c = (uint8_t)*text;

		snprintf(one, sizeof(one), c < 0x20 || c >= 0x7F || c == '%' ? "%%%02X" : "%c", c);
		if (put(f, one, e) < 0)
			return -1;
	}
	return 0;
}

static int put_head(struct flat *f, const char *word, unsigned depth, const char *name,
		    struct err *e)
{
	char head[32];

	snprintf(head, sizeof(head), "%s\t%u\t", word, depth);
	return put(f, head, e) < 0 ? -1 : put_escaped(f, name, e);
}

struct key {
	uint32_t item;
	uint32_t record, copy; /* how many records of the item came before */
};

static int by_item(const void *a, const void *b)
{
	const struct key *ka = a, *kb = b;

	if (ka->item != kb->item)
		return ka->item < kb->item ? -1 : 1;
	return ka->record < kb->record ? -1 : 1;
}

static int by_record(const void *a, const void *b)
{
	return ((const struct key *)a)->record < ((const struct key *)b)->record ? -1 : 1;
}

/* Which records repeat an earlier one; also whether every byte of the array is in a sound record.
 */
static int number_copies(const struct qnode *array, struct key **ret, size_t *ret_n,
			 bool *ret_sound, struct err *e)
{
	struct key *key = malloc((array->n / NVSET_RECORD + 1) * sizeof(*key));
	struct nvset_nv nv;
	size_t pos = 0, n = 0, i;

	if (!key)
		return err_nomem(e);
	*ret_sound = array->n % NVSET_RECORD == 0;
	for (; nvset_nv_next(array, &pos, &nv); n++) {
		key[n] = (struct key){ (uint32_t)nv.id << 16 | nv.index, (uint32_t)n, 0 };
		*ret_sound &= nv.ok && nv.constant == 1;
	}
	qsort(key, n, sizeof(*key), by_item);
	for (i = 1; i < n; i++)
		key[i].copy = key[i].item == key[i - 1].item ? key[i - 1].copy + 1 : 0;
	qsort(key, n, sizeof(*key), by_record);
	*ret = key;
	*ret_n = n;
	return 0;
}

static int flatten_items(struct flat *f, const struct qnode *array, enum nvset_sub sub,
			 const struct key *key, struct err *e)
{
	struct nvset_nv nv;
	size_t pos = 0, i;
	char name[32], line[80];

	for (i = 0; nvset_nv_next(array, &pos, &nv); i++) {
		nvset_nv_name(sub, nv.id, nv.index, name);
		if (key[i].copy) {
			int at = sub == NVSET_DEFAULT ? 3 : 8;

			snprintf(name + at, sizeof(name) - (size_t)at, "%05u_%u+%u.bin", nv.id,
				 nv.index, key[i].copy);
		}
		if (f->to->file(f->to, name, nv.data, e) < 0)
			return -1;
		snprintf(line, sizeof(line), "item\t%u\t%u\t%s\n", nv.id, nv.index, name);
		if (put(f, line, e) < 0)
			return -1;
	}
	return 0;
}

/* Returns 1 when the array could not be told as items. */
static int flatten_array(struct flat *f, const struct qnode *array, enum nvset_sub sub,
			 unsigned depth, struct err *e)
{
	_cleanup_free_ struct key *key = NULL;
	bool is_sound = false;
	size_t n;

	if (number_copies(array, &key, &n, &is_sound, e) < 0)
		return -1;
	if (!is_sound)
		return 1;
	if (put_head(f, "items", depth, array->name, e) < 0 || put(f, "\n", e) < 0)
		return -1;
	return flatten_items(f, array, sub, key, e);
}

static int flatten_stream(struct flat *f, const struct qnode *node, unsigned depth, struct err *e)
{
	const struct place *place = place_find(f, node);
	char other[32], header[2 * 8 + 1] = "-", tail[32];
	const char *file = other;

	if (place && place->is_path) {
		if (place->head)
			hex_encode(header, SLICE(node->p, place->head));
		snprintf(tail, sizeof(tail), "\t%s\t%d\t", header,
			 node->n > place->head + strlen(place->path));
		if (put_head(f, "path", depth, node->name, e) < 0 || put(f, tail, e) < 0 ||
		    put_escaped(f, place->path, e) < 0)
			return -1;
		return put(f, "\n", e);
	}
	if (place && place->name) {
		file = place->name;
		if (place->is_first && f->to->file(f->to, file, qnode_bytes(node), e) < 0)
			return -1;
	} else if (node->n == 0) {
		file = "-";
	} else {
		snprintf(other, sizeof(other), "qpst/%04u.bin", f->n_other++);
		if (f->to->file(f->to, other, qnode_bytes(node), e) < 0)
			return -1;
	}
	if (put_head(f, "stream", depth, node->name, e) < 0 || put(f, "\t", e) < 0 ||
	    put_escaped(f, file, e) < 0)
		return -1;
	return put(f, "\n", e);
}

static int flatten_all(struct flat *f, struct err *e)
{
	const struct qnode *array[NVSET_SUBS], *node, *up;
	unsigned depth;
	int s, r;

	for (s = 0; s < NVSET_SUBS; s++)
		array[s] = nvset_array(f->t, (enum nvset_sub)s);
	if (places(f, e) < 0 || put(f, "salvor-qpst 1\n", e) < 0)
		return -1;
	for (node = f->t->root; node; node = qnode_walk(node)) {
		for (depth = 0, up = node->parent; up; up = up->parent)
			depth++;
		r = 1;
		if (node->kind == QNODE_STORAGE) {
			if (put_head(f, "storage", depth, node->name, e) < 0 || put(f, "\n", e) < 0)
				return -1;
			continue;
		}
		for (s = 0; s < NVSET_SUBS && r > 0; s++) {
			if (node == array[s])
				r = flatten_array(f, node, (enum nvset_sub)s, depth, e);
		}
		if (r > 0)
			r = flatten_stream(f, node, depth, e);
		if (r < 0)
			return -1;
	}
	return f->to->file(f->to, NVSET_LAYOUT, buf_slice(&f->layout), e);
}

int nvset_flatten(const struct qtree *t, struct nvset_flat *to, struct err *e)
{
	struct flat f = { .t = t, .to = to, .layout = BUF_INIT(t->max) };
	int r = flatten_all(&f, e);
	size_t i;

	for (i = 0; i < f.n_places; i++)
		free(f.place[i].name);
	free(f.place);
	buf_fini(&f.layout);
	return r;
}
