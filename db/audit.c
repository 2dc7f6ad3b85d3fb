/*
 * A line of the mirror is {"hash":"<64 hex>","record":<the record's text>} and nothing else, so the
 * text that was hashed is found in it by its place, without parsing JSON and building it anew.
 */
#include "db/audit.h"

#include "db/mask.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/json.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define HEX       64
#define LINE_HEAD "{\"hash\":\""
#define LINE_MID  "\",\"record\":"
#define REC_AT    (sizeof(LINE_HEAD) - 1 + HEX + sizeof(LINE_MID) - 1)
#define LINE_MAX_ (64u << 10) /* ten texts of 1 KiB, each byte escaped to six, and the rest */
#define ZERO_HASH "0000000000000000000000000000000000000000000000000000000000000000"

struct audit {
	struct sql *db;
	char *path;
	int fd; /* of the mirror; -1 until something is to be written */
};

struct tail {
	uint64_t seq; /* 0: empty */
	char hash[HEX + 1];
};

int audit_open(struct sql *db, const char *mirror_path, struct audit **ret, struct err *e)
{
	struct audit *a = calloc(1, sizeof(*a));

	if (!a)
		return err_nomem(e);
	a->fd = -1;
	a->db = db;
	a->path = strdup(mirror_path);
	if (!a->path) {
		free(a);
		return err_nomem(e);
	}
	*ret = a;
	return 0;
}

void audit_close(struct audit *a)
{
	if (!a)
		return;
	if (a->fd >= 0)
		close(a->fd);
	free(a->path);
	free(a);
}

static void chain(const char *prev, const char *record, size_t n, char out[DIGEST_HEX_MAX])
{
	struct digest d;

	digest_init(&d, DIGEST_SHA256);
	digest_update(&d, prev, HEX);
	digest_update(&d, record, n);
	digest_final_hex(&d, out);
}

/* The number that every record begins with: {"seq":N,... */
static bool seq_of(const char *record, size_t n, uint64_t *ret)
{
	static const char head[] = "{\"seq\":";
	uint64_t v = 0;
	size_t i = sizeof(head) - 1;

	if (n < i + 2 || memcmp(record, head, i) != 0)
		return false;
	for (; i < n && record[i] >= '0' && record[i] <= '9'; i++) {
		if (v > UINT64_MAX / 10 - 1)
			return false;
		v = v * 10 + (uint64_t)(record[i] - '0');
	}
	*ret = v;
	return i < n && record[i] == ',' && v != 0;
}

struct line {
	const char *hash, *record;
	size_t n; /* of the record */
	uint64_t seq;
};

static bool line_split(const char *p, size_t n, struct line *ret)
{
	if (n < REC_AT + 2 || memcmp(p, LINE_HEAD, sizeof(LINE_HEAD) - 1) != 0 || p[n - 1] != '}' ||
	    memcmp(p + REC_AT - (sizeof(LINE_MID) - 1), LINE_MID, sizeof(LINE_MID) - 1) != 0)
		return false;
	ret->hash = p + sizeof(LINE_HEAD) - 1;
	ret->record = p + REC_AT;
	ret->n = n - REC_AT - 1;
	return seq_of(ret->record, ret->n, &ret->seq);
}

static int log_tail(struct audit *a, struct tail *ret, struct err *e)
{
	_cleanup_query_ struct sql_query *q = NULL, *m = NULL;
	struct tail t = { 0, ZERO_HASH };
	char counter[HEX + 32];
	bool row;

	if (sql_query0(a->db, &q, e, "SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1") < 0 ||
	    sql_step(q, &row, e) < 0)
		return -1;
	if (row) {
		t.seq = (uint64_t)sql_int(q, 0);
		snprintf(t.hash, sizeof(t.hash), "%s", sql_str(q, 1));
	}
	if (sql_query0(a->db, &m, e, "SELECT value FROM meta WHERE key = 'audit'") < 0 ||
	    sql_step(m, &row, e) < 0)
		return -1;
	snprintf(counter, sizeof(counter), "%llu %s", (unsigned long long)t.seq, t.hash);
	if (row ? strcmp(counter, sql_str(m, 0)) != 0 : t.seq != 0)
		return err_set(
			e, ERR_INTEGRITY,
			"the audit log ends at record %llu, its counter says %.20s: the end was "
			"cut off or edited",
			(unsigned long long)t.seq, row ? sql_str(m, 0) : "nothing");
	*ret = t;
	return 0;
}

static int mirror_open(struct audit *a, struct err *e)
{
	struct stat st, here;

	/* Somebody who moved the file away or put another in its place must not leave us writing
	 * into the void. */
	if (a->fd >= 0 && (fstat(a->fd, &st) < 0 || lstat(a->path, &here) < 0 ||
			   st.st_ino != here.st_ino || st.st_dev != here.st_dev))
		close(steal_fd(&a->fd));
	if (a->fd < 0)
		a->fd = open(a->path,
			     O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK,
			     0600);
	if (a->fd < 0 || fstat(a->fd, &st) < 0)
		return err_set_errno(e, errno, "cannot open the audit log's mirror '%s'", a->path);
	if (!S_ISREG(st.st_mode)) {
		close(steal_fd(&a->fd));
		return err_set(e, ERR_HOST, "the audit log's mirror '%s' is not a regular file",
			       a->path);
	}
	return 0;
}

/* The last whole line; what a killed writer left behind it is cut off when `mend`. */
static int mirror_tail(struct audit *a, bool mend, struct tail *ret, struct err *e)
{
	_cleanup_free_ char *room = NULL;
	struct tail t = { 0, ZERO_HASH };
	size_t want, whole, from;
	struct line l;
	struct stat st;

	if (fstat(a->fd, &st) < 0)
		return err_set_errno(e, errno, "cannot look at '%s'", a->path);
	want = (size_t)MIN_OF((uint64_t)st.st_size, (uint64_t)2 * LINE_MAX_);
	room = malloc(want + 1);
	if (!room)
		return err_nomem(e);
	if (pread(a->fd, room, want, st.st_size - (off_t)want) != (ssize_t)want)
		return err_set_errno(e, errno ? errno : EIO, "cannot read '%s'", a->path);
	for (whole = want; whole > 0 && room[whole - 1] != '\n'; whole--)
		;
	if (whole < want && mend && ftruncate(a->fd, st.st_size - (off_t)(want - whole)) < 0)
		return err_set_errno(e, errno, "cannot mend '%s'", a->path);
	if (whole > 0) {
		for (from = whole - 1; from > 0 && room[from - 1] != '\n'; from--)
			;
		if (!line_split(room + from, whole - 1 - from, &l))
			return err_set(e, ERR_INTEGRITY,
				       "the last line of the audit log's mirror '%s' is no record",
				       a->path);
		t.seq = l.seq;
		memcpy(t.hash, l.hash, HEX);
	} else if (want == 2 * LINE_MAX_) {
		return err_set(e, ERR_INTEGRITY,
			       "the audit log's mirror '%s' ends in an endless line", a->path);
	}
	*ret = t;
	return 0;
}

/* The mirror may be behind the log, never ahead, and where both have a record it is the same. */
static int mirror_agrees(struct audit *a, const struct tail *log, const struct tail *mirror,
			 struct err *e)
{
	_cleanup_query_ struct sql_query *q = NULL;
	bool row;

	if (mirror->seq > log->seq)
		return err_set(
			e, ERR_INTEGRITY,
			"the audit log has %llu records, its mirror '%s' %llu: the log was cut off; "
			"run the verification, then move the mirror aside to begin a new one",
			(unsigned long long)log->seq, a->path, (unsigned long long)mirror->seq);
	if (mirror->seq == 0)
		return 0;
	if (sql_query(a->db, &q, e, "SELECT hash FROM audit WHERE seq = ?1", SQL_I(mirror->seq)) <
		    0 ||
	    sql_step(q, &row, e) < 0)
		return -1;
	if (!row || strcmp(sql_str(q, 0), mirror->hash) != 0)
		return err_set(e, ERR_INTEGRITY,
			       "the audit log and its mirror '%s' differ at record %llu", a->path,
			       (unsigned long long)mirror->seq);
	return 0;
}

static void put_text(struct json *rec, const char *key, const char *value)
{
	char room[AUDIT_TEXT_MAX + 1];
	size_t n;

	if (!value || !*value)
		return;
	snprintf(room, sizeof(room), "%s", value);
	/* Cut before a character, never within one. */
	n = strlen(room);
	if (n == AUDIT_TEXT_MAX && strlen(value) > n) {
		while (n > 0 && ((unsigned char)value[n] & 0xc0) == 0x80)
			n--;
		room[n] = '\0';
	}
	json_put_str(rec, key, room);
}

static int build_record(const struct audit_event *ev, uint64_t seq, char **ret, struct err *e)
{
	struct json *rec = json_object_new();
	char now[21];
	int r;

	clock_wall_iso(now);
	json_put_u64(rec, "seq", seq);
	put_text(rec, "when", ev->when ? ev->when : now);
	put_text(rec, "who", ev->who);
	put_text(rec, "event", ev->event);
	put_text(rec, "chip", ev->chip);
	if (ev->msm)
		json_put_u64(rec, "msm", ev->msm);
	if (ev->slot)
		json_put_u64(rec, "slot", ev->slot);
	put_text(rec, "old", ev->old);
	put_text(rec, "imei", ev->imei);
	put_text(rec, "evidence", ev->evidence);
	put_text(rec, "label_serial", ev->label_serial);
	put_text(rec, "snapshot", ev->snapshot);
	put_text(rec, "text", ev->text);
	r = json_dump(rec, 0, ret, e);
	json_free(rec);
	return r;
}

static int store(struct audit *a, const char *prev, uint64_t seq, const char *record, size_t n,
		 struct err *e)
{
	char hash[DIGEST_HEX_MAX], counter[HEX + 32];
	_cleanup_free_ char *text = strndup(record, n);

	if (!text)
		return err_nomem(e);
	chain(prev, text, n, hash);
	snprintf(counter, sizeof(counter), "%llu %s", (unsigned long long)seq, hash);
	if (sql_run(a->db, e, "INSERT INTO audit(seq, record, hash) VALUES(?1, ?2, ?3)", SQL_I(seq),
		    SQL_T(text), SQL_T(hash)) < 0)
		return -1;
	return sql_run(a->db, e,
		       "INSERT INTO meta(key, value) VALUES('audit', ?1)"
		       " ON CONFLICT(key) DO UPDATE SET value = excluded.value",
		       SQL_T(counter));
}

int audit_append(struct audit *a, const struct audit_event *ev, struct err *e)
{
	_cleanup_free_ char *record = NULL;
	struct tail log, mirror;

	if (log_tail(a, &log, e) < 0 || mirror_open(a, e) < 0 ||
	    mirror_tail(a, false, &mirror, e) < 0 || mirror_agrees(a, &log, &mirror, e) < 0)
		return err_prefix(e, "nothing was recorded");
	if (build_record(ev, log.seq + 1, &record, e) < 0)
		return -1;
	return store(a, log.hash, log.seq + 1, record, strlen(record), e);
}

static int write_all(int fd, const void *p, size_t n, const char *path, struct err *e)
{
	const char *at = p;

	while (n > 0) {
		ssize_t w = write(fd, at, n);

		if (w < 0 && errno == EINTR)
			continue;
		if (w < 0)
			return err_set_errno(e, errno, "cannot write '%s'", path);
		at += w;
		n -= (size_t)w;
	}
	return 0;
}

static int put_line(struct buf *b, const char *hash, const char *record, struct err *e)
{
	if (buf_add(b, LINE_HEAD, sizeof(LINE_HEAD) - 1, e) < 0 ||
	    buf_add(b, hash, strlen(hash), e) < 0 ||
	    buf_add(b, LINE_MID, sizeof(LINE_MID) - 1, e) < 0 ||
	    buf_add(b, record, strlen(record), e) < 0)
		return -1;
	return buf_add(b, "}\n", 2, e);
}

static int sync_locked(struct audit *a, struct err *e)
{
	_cleanup_query_ struct sql_query *q = NULL;
	struct buf b = BUF_INIT(2 * LINE_MAX_);
	struct tail log, mirror;
	bool row;
	int r = -1;

	if (log_tail(a, &log, e) < 0 || mirror_tail(a, true, &mirror, e) < 0 ||
	    mirror_agrees(a, &log, &mirror, e) < 0)
		return -1;
	if (mirror.seq == log.seq)
		return 0;
	if (sql_query(a->db, &q, e, "SELECT hash, record FROM audit WHERE seq > ?1 ORDER BY seq",
		      SQL_I(mirror.seq)) < 0)
		return -1;
	for (;;) {
		if (sql_step(q, &row, e) < 0)
			goto out;
		if (row && put_line(&b, sql_str(q, 0), sql_str(q, 1), e) < 0)
			goto out;
		if (!row || b.n >= LINE_MAX_) {
			if (write_all(a->fd, b.p, b.n, a->path, e) < 0)
				goto out;
			b.n = 0;
		}
		if (!row)
			break;
	}
	if (fdatasync(a->fd) < 0) {
		err_set_errno(e, errno, "cannot flush '%s' to storage", a->path);
		goto out;
	}
	r = 0;
out:
	buf_fini(&b);
	return r;
}

int audit_sync(struct audit *a, struct err *e)
{
	int r;

	if (mirror_open(a, e) < 0)
		return -1;
	/* Two processes that have both just committed. */
	while (flock(a->fd, LOCK_EX) < 0) {
		if (errno != EINTR)
			return err_set_errno(e, errno, "cannot lock '%s'", a->path);
	}
	r = sync_locked(a, e);
	flock(a->fd, LOCK_UN);
	return r;
}

/* Lines of the mirror, one after the other. */
struct reader {
	int fd;
	const char *path;
	char room[2 * LINE_MAX_];
	size_t n, at;
	bool end;
};

/* *ret NULL at the end. A last line without its newline is the trace of a killed writer: the end.
 */
static int next_line(struct reader *r, const char **ret, size_t *ret_n, struct err *e)
{
	for (;;) {
		char *nl = memchr(r->room + r->at, '\n', r->n - r->at);
		ssize_t got;

		if (nl) {
			*ret = r->room + r->at;
			*ret_n = (size_t)(nl - *ret);
			r->at += *ret_n + 1;
			return 0;
		}
		if (r->end) {
			*ret = NULL;
			return 0;
		}
		memmove(r->room, r->room + r->at, r->n - r->at);
		r->n -= r->at;
		r->at = 0;
		if (r->n == sizeof(r->room))
			return err_set(e, ERR_INTEGRITY, "'%s' has a line longer than any record",
				       r->path);
		got = read(r->fd, r->room + r->n, sizeof(r->room) - r->n);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return err_set_errno(e, errno, "cannot read '%s'", r->path);
		r->n += (size_t)got;
		r->end = got == 0;
	}
}

/* The mirror for reading from its beginning; without a mirror *ret stays NULL. */
static int reader_open(struct audit *a, struct reader **ret, struct err *e)
{
	struct reader *r;
	struct stat st;
	int fd = open(a->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0)
		return err_set_errno(e, errno, "cannot open '%s'", a->path);
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		close(fd);
		return err_set(e, ERR_HOST, "the audit log's mirror '%s' is not a regular file",
			       a->path);
	}
	r = calloc(1, sizeof(*r));
	if (!r) {
		close(fd);
		return err_nomem(e);
	}
	r->fd = fd;
	r->path = a->path;
	*ret = r;
	return 0;
}

static void reader_freep(struct reader **r)
{
	if (!*r)
		return;
	close((*r)->fd);
	free(*r);
}

int audit_is_orphan(struct audit *a, bool *ret, struct err *e)
{
	struct tail log;
	struct stat st;

	if (log_tail(a, &log, e) < 0)
		return -1;
	*ret = log.seq == 0 && stat(a->path, &st) == 0 && st.st_size > 0;
	return 0;
}

int audit_adopt(struct audit *a, uint64_t *ret_n, struct err *e)
{
	_cleanup_(reader_freep) struct reader *r = NULL;
	struct tail log;
	const char *p;
	size_t n;

	if (log_tail(a, &log, e) < 0)
		return -1;
	if (log.seq == 0 && reader_open(a, &r, e) < 0)
		return -1;
	while (r) {
		char hash[DIGEST_HEX_MAX];
		struct line l;

		if (next_line(r, &p, &n, e) < 0)
			return -1;
		if (!p)
			break;
		if (line_split(p, n, &l))
			chain(log.hash, l.record, l.n, hash);
		else
			l.seq = 0;
		if (l.seq != log.seq + 1 || memcmp(hash, l.hash, HEX) != 0)
			return err_set(
				e, ERR_INTEGRITY,
				"the audit log's mirror '%s' is damaged at line %llu; move it aside "
				"and keep it, then a new log begins",
				a->path, (unsigned long long)log.seq + 1);
		if (store(a, log.hash, l.seq, l.record, l.n, e) < 0)
			return -1;
		log.seq = l.seq;
		memcpy(log.hash, hash, HEX + 1);
	}
	*ret_n = r ? log.seq : 0;
	return 0;
}

static int bad_record(struct audit_report *rep, uint64_t seq, struct err *e, const char *what)
{
	rep->bad = seq;
	return err_set(e, ERR_INTEGRITY, "audit log: record %llu %s", (unsigned long long)seq,
		       what);
}

/* The mirror's next line against the record `seq` of the log. */
static int check_mirror(struct reader *r, struct audit_report *rep, uint64_t seq, const char *hash,
			const char *record, bool *ret_end, struct err *e)
{
	struct line l;
	const char *p;
	size_t n;

	if (*ret_end)
		return 0;
	if (next_line(r, &p, &n, e) < 0)
		return -1;
	if (!p) {
		*ret_end = true;
		return 0;
	}
	if (!line_split(p, n, &l) || l.seq != seq)
		return bad_record(rep, seq, e, "is missing or out of place in the mirror");
	if (memcmp(l.hash, hash, HEX) != 0 || l.n != strlen(record) ||
	    memcmp(l.record, record, l.n) != 0)
		return bad_record(rep, seq, e, "was edited in the mirror");
	rep->mirrored++;
	return 0;
}

static int verify_walk(struct audit *a, struct reader *r, struct audit_report *rep, struct err *e)
{
	_cleanup_query_ struct sql_query *q = NULL;
	char prev[HEX + 1] = ZERO_HASH, want[DIGEST_HEX_MAX];
	uint64_t seq = 0, own;
	bool row, end = !r;
	struct tail log;
	const char *p;
	size_t n;

	if (sql_query0(a->db, &q, e, "SELECT seq, record, hash FROM audit ORDER BY seq") < 0)
		return -1;
	for (;;) {
		const char *record, *hash;

		if (sql_step(q, &row, e) < 0)
			return -1;
		if (!row)
			break;
		seq++;
		record = sql_str(q, 1);
		hash = sql_str(q, 2);
		if ((uint64_t)sql_int(q, 0) != seq)
			return bad_record(rep, seq, e, "is missing");
		if (!seq_of(record, strlen(record), &own) || own != seq)
			return bad_record(rep, seq, e, "is not the one that belongs here");
		chain(prev, record, strlen(record), want);
		if (strcmp(want, hash) != 0)
			return bad_record(rep, seq, e, "was edited, or one before it was");
		memcpy(prev, want, sizeof(prev));
		rep->records++;
		if (check_mirror(r, rep, seq, hash, record, &end, e) < 0)
			return -1;
	}
	if (r && !end) {
		if (next_line(r, &p, &n, e) < 0)
			return -1;
		if (p)
			return bad_record(rep, seq + 1, e,
					  "stands in the mirror but not in the log: the "
					  "log's end was cut off");
	}
	if (log_tail(a, &log, e) < 0) {
		rep->bad = seq + 1;
		return -1;
	}
	return 0;
}

int audit_verify(struct audit *a, struct audit_report *ret, struct err *e)
{
	_cleanup_(reader_freep) struct reader *r = NULL;
	struct audit_report rep = { 0, 0, 0 };
	int result;

	if (reader_open(a, &r, e) < 0)
		return -1;
	/* One state of the catalogue from beginning to end. */
	if (sql_begin(a->db, e) < 0)
		return -1;
	result = verify_walk(a, r, &rep, e);
	sql_rollback(a->db);
	if (ret)
		*ret = rep;
	return result;
}

int audit_walk(struct audit *a, struct audit_rows *rows, struct err *e)
{
	_cleanup_query_ struct sql_query *q = NULL;
	bool row;

	if (sql_query0(a->db, &q, e, "SELECT seq, record FROM audit ORDER BY seq") < 0)
		return -1;
	for (;;) {
		if (sql_step(q, &row, e) < 0)
			return -1;
		if (!row)
			return 0;
		if (rows->record(rows, (uint64_t)sql_int(q, 0), sql_str(q, 1), e) < 0)
			return -1;
	}
}

int audit_export(struct audit *a, bool full, struct sink *to, struct err *e)
{
	_cleanup_query_ struct sql_query *q = NULL;
	struct buf b = BUF_INIT(2 * LINE_MAX_);
	bool row;
	int r = -1;

	if (sql_query0(a->db, &q, e, "SELECT hash, record FROM audit ORDER BY seq") < 0)
		return -1;
	for (;;) {
		if (sql_step(q, &row, e) < 0)
			break;
		if (!row) {
			r = 0;
			break;
		}
		b.n = 0;
		if (put_line(&b, sql_str(q, 0), sql_str(q, 1), e) < 0)
			break;
		if (!full && b.n > REC_AT) {
			char *record = (char *)b.p + REC_AT;

			mask_digits(record, b.n - REC_AT);
			mask_member(record, b.n - REC_AT, "chip");
			mask_member(record, b.n - REC_AT, "label_serial");
		}
		if (sink_put(to, b.p, b.n, e) < 0)
			break;
	}
	buf_fini(&b);
	return r;
}
