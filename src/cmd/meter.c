#include "cmd/meter.h"

#include "base/clock.h"
#include "base/json.h"
#include "cmd/text.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	REDRAW_MS = 100, /* on a tty */
	LINE_MS = 10000, /* between plain lines */
	SEND_MS = 250,   /* between JSON lines */
	WORTH_MS = 1000, /* a transfer that took this long, or moved this much, leaves a line */
	WORTH_BYTES = 1 << 20,
};

static uint64_t rate_of(const struct meter *m, uint64_t now_ms)
{
	uint64_t ms = now_ms - m->start_ms;

	/* done * 1000 wraps only past 16 PiB. */
	return ms ? m->done * 1000 / ms : 0;
}

void meter_line(const struct meter *m, uint64_t now_ms, char *out, size_t n)
{
	char done[HUMAN_MAX], total[HUMAN_MAX], rate[HUMAN_MAX], left[HUMAN_MAX];
	uint64_t speed = rate_of(m, now_ms), silent = now_ms - m->data_ms;
	int len;

	human_size(done, m->done);
	human_size(total, m->total);
	human_size(rate, speed);
	if (m->total)
		len = snprintf(out, n, "%s  %s of %s  %u%%", m->what, done, total,
			       m->done >= m->total ? 100 : (unsigned)(m->done * 100 / m->total));
	else
		len = snprintf(out, n, "%s  %s", m->what, done);
	if (len < 0 || (size_t)len >= n)
		return;
	if (silent >= m->heartbeat_ms) {
		snprintf(out + len, n - (size_t)len,
			 "  no data for %llu s: still waiting, do not unplug",
			 (unsigned long long)(silent / 1000));
	} else if (speed) {
		human_time(left, m->total > m->done ? (m->total - m->done) / speed : 0);
		if (m->total)
			snprintf(out + len, n - (size_t)len, "  %s/s  %s left", rate, left);
		else
			snprintf(out + len, n - (size_t)len, "  %s/s", rate);
	}
}

static void erase_line(struct meter *m)
{
	if (m->on_screen)
		fputs("\r\033[K", m->err);
	m->on_screen = false;
}

static void draw(struct meter *m, uint64_t now)
{
	char line[384];

	if (m->quiet)
		return;
	meter_line(m, now, line, sizeof(line));
	if (m->tty) {
		fprintf(m->err, "\r\033[K%s", line);
		m->on_screen = true;
	} else {
		fprintf(m->err, "%s\n", line);
	}
	fflush(m->err);
	m->drawn_ms = now;
}

/* One JSON object and a newline in one write; a reader that went away is no reason to stop. */
static void send_event(struct meter *m, const char *event, uint64_t now)
{
	struct json *o;
	struct err e = ERR_INIT;
	char *text;
	size_t n;

	if (m->fd < 0)
		return;
	o = json_object_new();
	json_put_str(o, "event", event);
	json_put_str(o, "what", m->what);
	json_put_u64(o, "done", m->done);
	json_put_u64(o, "total", m->total);
	json_put_u64(o, "rate", rate_of(m, now));
	json_put_u64(o, "silent_ms", now - m->data_ms);
	if (json_dump(o, 0, &text, &e) == 0) {
		n = strlen(text);
		text[n] = '\n'; /* in the place of the NUL */
		if (write(m->fd, text, n + 1) < 0)
			m->fd = -1;
		free(text);
	}
	json_free(o);
	m->sent_ms = now;
}

static void watch(struct meter *m, uint64_t now)
{
	bool silent = now - m->data_ms >= m->heartbeat_ms;
	/* A line of its own where lines are not redrawn: when the silence begins, and then rarely.
	 */
	bool say = m->tty ? now - m->drawn_ms >= 1000 || (silent && !m->is_silent)
			  : (silent && !m->is_silent) || now - m->drawn_ms >= LINE_MS;

	if (say)
		draw(m, now);
	if (silent && (!m->is_silent || now - m->sent_ms >= LINE_MS))
		send_event(m, "silent", now);
	m->is_silent = silent;
}

static void *watcher(void *arg)
{
	struct meter *m = arg;
	uint32_t period = MIN_OF(m->heartbeat_ms, 1000u);

	pthread_mutex_lock(&m->lock);
	while (!m->stop) {
		uint64_t at = clock_ms() + period;
		struct timespec ts = { .tv_sec = (time_t)(at / 1000),
				       .tv_nsec = (long)(at % 1000) * 1000000L };

		if (!m->active)
			pthread_cond_wait(&m->wake, &m->lock);
		else
			pthread_cond_timedwait(&m->wake, &m->lock, &ts);
		if (m->active && !m->stop)
			watch(m, clock_ms());
	}
	pthread_mutex_unlock(&m->lock);
	return NULL;
}

static void start_thread(struct meter *m)
{
	sigset_t all, old;

	if (m->has_thread || (m->quiet && m->fd < 0))
		return;
	/* Signals belong to the thread that moves bytes: its system calls are to be interrupted. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	m->has_thread = pthread_create(&m->thread, NULL, watcher, m) == 0;
	pthread_sigmask(SIG_SETMASK, &old, NULL);
}

static void on_begin(struct progress *p, const char *what, uint64_t total)
{
	struct meter *m = container_of(p, struct meter, progress);
	uint64_t now = clock_ms();

	pthread_mutex_lock(&m->lock);
	snprintf(m->what, sizeof(m->what), "%s", what);
	text_clean(m->what, false);
	m->total = total;
	m->done = 0;
	m->start_ms = m->data_ms = m->drawn_ms = now;
	m->is_silent = false;
	m->active = true;
	start_thread(m);
	if (m->tty)
		draw(m, now);
	send_event(m, "begin", now);
	pthread_cond_signal(&m->wake);
	pthread_mutex_unlock(&m->lock);
}

static void on_step(struct progress *p, uint64_t done)
{
	struct meter *m = container_of(p, struct meter, progress);
	uint64_t now = clock_ms();

	pthread_mutex_lock(&m->lock);
	if (done != m->done) {
		m->data_ms = now;
		m->is_silent = false;
	}
	m->done = done;
	if (now - m->drawn_ms >= (m->tty ? REDRAW_MS : LINE_MS))
		draw(m, now);
	if (now - m->sent_ms >= SEND_MS)
		send_event(m, "step", now);
	pthread_mutex_unlock(&m->lock);
}

static void on_end(struct progress *p, bool ok)
{
	struct meter *m = container_of(p, struct meter, progress);
	char done[HUMAN_MAX], rate[HUMAN_MAX], took[HUMAN_MAX];
	uint64_t now = clock_ms(), ms;

	pthread_mutex_lock(&m->lock);
	ms = now - m->start_ms;
	erase_line(m);
	human_size(done, m->done);
	human_size(rate, rate_of(m, now));
	human_time(took, ms / 1000);
	if (!ok && !m->quiet)
		fprintf(m->err, "%s  stopped after %s\n", m->what, done);
	else if (!m->quiet && (ms >= WORTH_MS || m->done >= WORTH_BYTES))
		fprintf(m->err, "%s  %s in %s%s%s%s\n", m->what, done, took, ms ? "  " : "",
			ms ? rate : "", ms ? "/s" : "");
	fflush(m->err);
	send_event(m, ok ? "end" : "failed", now);
	m->active = false;
	pthread_mutex_unlock(&m->lock);
}

int meter_init(struct meter *m, FILE *err, bool tty, bool quiet, int fd, uint32_t heartbeat_ms,
	       const struct cancel *cancel, struct err *e)
{
	pthread_condattr_t attr;

	*m = (struct meter){
		.err = err, .tty = tty, .quiet = quiet, .fd = fd, .heartbeat_ms = heartbeat_ms
	};
	m->progress = (struct progress){ on_begin, on_step, on_end, cancel };
	if (pthread_condattr_init(&attr) != 0)
		return err_nomem(e);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_mutex_init(&m->lock, NULL);
	pthread_cond_init(&m->wake, &attr);
	pthread_condattr_destroy(&attr);
	return 0;
}

void meter_fini(struct meter *m)
{
	pthread_mutex_lock(&m->lock);
	m->stop = true;
	erase_line(m);
	pthread_cond_signal(&m->wake);
	pthread_mutex_unlock(&m->lock);
	if (m->has_thread)
		pthread_join(m->thread, NULL);
	pthread_cond_destroy(&m->wake);
	pthread_mutex_destroy(&m->lock);
}

void meter_say(struct meter *m, const char *line)
{
	pthread_mutex_lock(&m->lock);
	erase_line(m);
	if (line)
		fprintf(m->err, "%s\n", line);
	fflush(m->err);
	pthread_mutex_unlock(&m->lock);
}
