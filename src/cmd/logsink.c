#include "cmd/logsink.h"

#include "base/clock.h"
#include "cmd/render.h"
#include "cmd/text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char *level_word(enum log_level level)
{
	static const char *const word[] = { "warn", "info", "debug", "trace" };

	return (size_t)level < ARRAY_SIZE(word) ? word[level] : "?";
}

static void on_line(struct log *l, enum log_level level, const char *tag, const char *text)
{
	struct logsink *s = container_of(l, struct logsink, log);
	uint64_t ms = clock_ms() - s->start_ms;
	char wall[21], line[1280];
	int n;

	if (s->fd >= 0) {
		clock_wall_iso(wall);
		n = snprintf(line, sizeof(line) - 1, "%s %llu.%03u %-5s %s: %s", wall,
			     (unsigned long long)(ms / 1000), (unsigned)(ms % 1000),
			     level_word(level), tag, text);
		n = MIN_OF(n, (int)sizeof(line) - 2);
		text_clean(line, false);
		line[n] = '\n';
		/* A full disk must not stop a transfer; the first failure is told, the rest is
		 * silent. */
		if (write(s->fd, line, (size_t)n + 1) != n + 1) {
			render_diag(s->render,
				    "salvor: cannot write the log file, going on without: %s",
				    strerror(errno));
			logsink_close(s);
		}
	}
	if (level <= s->stderr_level && !(s->quiet && level > LOG_LEVEL_WARN))
		render_diag(s->render, "salvor: %s: %s", tag, text);
}

int logsink_open(struct logsink *s, struct render *r, const char *path, unsigned verbose,
		 struct err *e)
{
	enum log_level level = verbose > 2 ? LOG_LEVEL_TRACE : (enum log_level)verbose;

	*s = (struct logsink){
		.render = r, .stderr_level = level, .fd = -1, .start_ms = clock_ms()
	};
	s->log.line = on_line;
	s->log.level = level;
	if (!path)
		return 0;
	s->fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	if (s->fd < 0)
		return err_set_errno(e, errno, "cannot open the log file '%s'", path);
	s->log.level = LOG_LEVEL_TRACE;
	return 0;
}

void logsink_close(struct logsink *s)
{
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
}
