#include "device/loader.h"

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/stream.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define LOADER_MAX_BYTES      (8u * 1024 * 1024) /* the largest known one (SDX62) has 0.7 MB */
#define LOADER_MAX_DEPTH      8
#define LOADER_MAX_FILES      20000
#define LOADER_MAX_CANDIDATES 64

/* Image ids by which boot ROMs and boot loaders ask for a programmer (sahara facts, image ids). */
#define ID_NPRG    7
#define ID_EHOSTDL 13
#define ID_SBL1    21

void loader_set_fini(struct loader_set *s)
{
	size_t i;

	for (i = 0; i < s->n; i++)
		free(s->file[i].path);
	free(s->file);
	*s = (struct loader_set){ 0 };
}

static int scan_file(int fd, struct loader_file *f, struct err *e)
{
	struct fd_source from;
	struct digest_source hashed;
	struct mbn_scan *scan;
	uint8_t piece[16384];
	size_t n;

	if (mbn_scan_new(&scan, e) < 0)
		return -1;
	fd_source_init(&from, fd);
	digest_source_init(&hashed, DIGEST_SHA256, &from.source);
	do {
		if (source_get(&hashed.source, piece, sizeof(piece), &n, e) < 0) {
			mbn_scan_free(scan);
			return -1;
		}
		mbn_scan_feed(scan, SLICE(piece, n));
	} while (n);
	mbn_scan_end(scan, &f->info);
	mbn_scan_free(scan);
	f->size = hashed.n;
	digest_final_hex(&hashed.digest, f->sha256);
	return 0;
}

static int add_candidate(struct loader_set *s, struct loader_file *f, struct err *e)
{
	struct loader_file *more;
	size_t i;

	for (i = 0; i < s->n; i++) {
		if (strcmp(s->file[i].sha256, f->sha256) == 0)
			return 0;
	}
	if (s->n == LOADER_MAX_CANDIDATES)
		return err_set(e, ERR_USAGE, "more than %d different programmers: name one file",
			       LOADER_MAX_CANDIDATES);
	more = reallocarray(s->file, s->n + 1, sizeof(*more));
	if (!more)
		return err_nomem(e);
	s->file = more;
	s->file[s->n++] = *f;
	f->path = NULL;
	return 0;
}

static int look_at(struct loader_set *s, const char *path, struct log *log, struct err *e)
{
	struct loader_file f = { 0 };
	_cleanup_close_ int fd = -1;
	uint64_t size;
	int r = 0;

	if (fs_open_input(path, &fd, &size, e) < 0)
		return -1;
	s->looked_at++;
	if (size < 1024 || size > LOADER_MAX_BYTES)
		return 0;
	if (scan_file(fd, &f, e) < 0)
		return err_prefix(e, "'%s'", path);
	log_debug(log, "loader", "%s: %s", path, mbn_kind_text(f.info.kind));
	switch (f.info.kind) {
	case MBN_FIREHOSE:
		f.path = strdup(path);
		r = f.path ? add_candidate(s, &f, e) : err_nomem(e);
		free(f.path);
		break;
	case MBN_STREAMING_NPRG:
		s->nprg++;
		break;
	case MBN_STREAMING_ENPRG:
		s->enprg++;
		break;
	case MBN_SBL:
		s->sbl++;
		break;
	case MBN_UNKNOWN:
	case MBN_ELF_OTHER:
		break;
	}
	return r;
}

/* Packages are folders of folders; a link could lead round in circles, so links are not followed.
 */
static int walk(struct loader_set *s, const char *dir, unsigned depth, struct log *log,
		struct err *e)
{
	struct dirent **names;
	int i, n, r = 0;

	n = scandir(dir, &names, NULL, alphasort);
	if (n < 0)
		return err_set_errno(e, errno, "cannot read the folder '%s'", dir);
	for (i = 0; i < n; i++) {
		_cleanup_free_ char *path = NULL;
		struct stat st;

		if (r == 0 && names[i]->d_name[0] != '.') {
			path = fs_join(dir, names[i]->d_name);
			if (!path)
				r = err_nomem(e);
			else if (s->looked_at >= LOADER_MAX_FILES)
				r = err_set(e, ERR_USAGE,
					    "more than %d files below the folder: name the "
					    "programmer itself",
					    LOADER_MAX_FILES);
			else if (lstat(path, &st) == 0 && S_ISDIR(st.st_mode))
				r = depth ? walk(s, path, depth - 1, log, e) : 0;
			else if (lstat(path, &st) == 0 && S_ISREG(st.st_mode))
				r = look_at(s, path, log, e);
		}
		free(names[i]);
	}
	free(names);
	return r;
}

int loader_search(const char *path, struct loader_set *ret, struct log *log, struct err *e)
{
	struct loader_set s = { 0 };
	bool dir = fs_is_dir(path);

	if ((dir ? walk(&s, path, LOADER_MAX_DEPTH, log, e) : look_at(&s, path, log, e)) < 0)
		goto fail;
	if (s.n == 0) {
		if (s.nprg || s.enprg)
			err_set(e, ERR_MISMATCH,
				"'%s' %s a streaming programmer (NPRG/ENPRG), which does not speak Firehose; "
				"look for prog_*firehose* in the firmware package",
				path, dir ? "has only" : "is");
		else if (dir)
			err_set(e, ERR_MISMATCH,
				"no Firehose programmer among the %u files below '%s'", s.looked_at,
				path);
		else
			err_set(e, ERR_MISMATCH, "'%s' is not a Firehose programmer", path);
		goto fail;
	}
	*ret = s;
	return 0;
fail:
	loader_set_fini(&s);
	return -1;
}

static bool fits(const struct loader_file *f, const struct chip_id *chip)
{
	if (!chip || !chip->has_hwid || !f->info.has_hwid)
		return true;
	/* With secure boot off the chip runs any programmer, also one signed for a sibling. */
	return f->info.hwid >> 32 == chip->msm_id || chip_pkhash_is_unfused(chip);
}

int loader_choose(const struct loader_set *s, const struct chip_id *chip,
		  const struct loader_file **ret, struct err *e)
{
	const struct loader_file *hit = NULL, *exact = NULL;
	size_t i, hits = 0, exacts = 0;

	for (i = 0; i < s->n; i++) {
		const struct loader_file *f = &s->file[i];

		if (!fits(f, chip))
			continue;
		hit = f;
		hits++;
		if (chip && chip->has_hwid && f->info.has_hwid &&
		    f->info.hwid >> 32 == chip->msm_id) {
			exact = f;
			exacts++;
		}
	}
	if (hits == 0)
		return err_set(e, ERR_MISMATCH,
			       "'%s' is signed for MSM id 0x%08x, this chip is 0x%08x",
			       s->file[0].path, (unsigned)(s->file[0].info.hwid >> 32),
			       chip->msm_id);
	if (hits > 1 && exacts != 1) {
		err_set(e, ERR_USAGE,
			"several programmers could be meant, name one with --loader:");
		for (i = 0; i < s->n; i++) {
			if (fits(&s->file[i], chip))
				err_append(e, " %s", s->file[i].path);
		}
		return -1;
	}
	*ret = hits == 1 ? hit : exact;
	return 0;
}

static int image_read_at(struct sahara_image *image, uint64_t off, void *p, size_t n, struct err *e)
{
	struct loader_images *l = container_of(image, struct loader_images, image);

	if (off > l->bytes.n || n > l->bytes.n - off)
		return err_set(e, ERR_BUG, "read past the programmer's end");
	memcpy(p, l->bytes.p + off, n);
	return 0;
}

static struct sahara_image *image_for_id(struct sahara_images *images, uint64_t id, struct err *e)
{
	struct loader_images *l = container_of(images, struct loader_images, images);

	l->asked_id = id;
	switch (id) {
	case ID_EHOSTDL:
	case ID_SBL1:
		return &l->image;
	case ID_NPRG:
		err_set_code(
			e, ERR_MISMATCH, ID_NPRG,
			"the target asks for image 7, a streaming programmer (NPRG): it is in its own "
			"download mode, not in the boot ROM; enter EDL by DIAG or by the USB_BOOT pad");
		return NULL;
	default:
		err_set_code(e, ERR_UNSUPPORTED, (int32_t)MIN_OF(id, (uint64_t)INT32_MAX),
			     "the target asks for image %" PRIu64 ", which is not a programmer",
			     id);
		return NULL;
	}
}

int loader_images_open(struct loader_images *l, const struct loader_file *f, struct err *e)
{
	struct digest d;
	char hex[DIGEST_HEX_MAX];
	const char *slash = strrchr(f->path, '/');

	*l = (struct loader_images){ .images = { image_for_id, 1 },
				     .image = { .read_at = image_read_at },
				     .bytes = BUF_INIT(LOADER_MAX_BYTES),
				     .kind = f->info.kind };
	if (fs_read_file(f->path, &l->bytes, e) < 0)
		goto fail;
	digest_init(&d, DIGEST_SHA256);
	digest_update(&d, l->bytes.p, l->bytes.n);
	digest_final_hex(&d, hex);
	if (strcmp(hex, f->sha256) != 0) {
		err_set(e, ERR_INTEGRITY, "'%s' changed while it was being used", f->path);
		goto fail;
	}
	l->image.size = l->bytes.n;
	snprintf(l->image.name, sizeof(l->image.name), "%s", slash ? slash + 1 : f->path);
	return 0;
fail:
	loader_images_close(l);
	return -1;
}

void loader_images_close(struct loader_images *l)
{
	buf_fini(&l->bytes);
}
