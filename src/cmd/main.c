/*
 * The dispatcher: parse, provide what the verb needs, run it, say what went wrong once, exit with
 * the status that the table of exit.c gives.
 */
#include "cmd/ctx.h"
#include "cmd/help.h"
#include "cmd/logsink.h"
#include "cmd/needs.h"
#include "cmd/opts.h"
#include "cmd/store.h"
#include "cmd/table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What a signal handler needs; a handler has no argument, so this is the one variable of the
 * program that lives at file scope. */
static struct {
	struct cancel cancel;
	const volatile enum phase *phase;
} on_signal;

static void handle(int sig)
{
	static const char text[] =
		"\nsalvor: stopped at once; what the module does now is not known\n";

	/* A dropped ssh session is no wish to leave a module half-written. */
	if (sig == SIGHUP && on_signal.phase && *on_signal.phase == PHASE_WRITE)
		return;
	if (sig == SIGINT && on_signal.cancel.signal == SIGINT) {
		if (write(STDERR_FILENO, text, sizeof(text) - 1) < 0)
			_exit(STATUS_INTERRUPTED);
		_exit(STATUS_INTERRUPTED);
	}
	on_signal.cancel.signal = sig;
}

static void catch_signals(const enum phase *phase)
{
	static const int caught[] = { SIGINT, SIGTERM, SIGHUP };
	struct sigaction sa = { .sa_handler = handle };
	size_t i;

	on_signal.phase = phase;
	/* No SA_RESTART: whoever waits for an answer or a person is to notice. */
	sigemptyset(&sa.sa_mask);
	for (i = 0; i < ARRAY_SIZE(caught); i++) {
		struct sigaction old;

		/* nohup means it. */
		if (sigaction(caught[i], NULL, &old) == 0 && old.sa_handler == SIG_IGN)
			continue;
		sigaction(caught[i], &sa, NULL);
	}
	/* `salvor list | head` must not die between two writes to a module: EPIPE is an error like
	 * any other. */
	sa.sa_handler = SIG_IGN;
	sigaction(SIGPIPE, &sa, NULL);
}

/* A command line that was not understood may say --json behind the place where it went wrong. */
static bool mentions_json(int argc, const char *const *argv)
{
	int i;

	for (i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
		if (strcmp(argv[i], "--json") == 0)
			return true;
	}
	return false;
}

/* Who stopped a verb is told what that did to the module: in the words of the status that a failure
 * at the same place has. */
static enum status words_of(enum status status, enum phase phase)
{
	if (status != STATUS_INTERRUPTED)
		return status;
	switch (phase) {
	case PHASE_PREFLIGHT:
		return STATUS_UNTOUCHED;
	case PHASE_WRITE:
		return STATUS_MIDWRITE;
	case PHASE_VERIFY:
		return STATUS_UNVERIFIED;
	default:
		return status;
	}
}

static void fill_ctx(struct ctx *c, const struct parsed *p, struct render *r, struct logsink *log)
{
	c->cmd = p->cmd;
	c->render = r;
	c->log = &log->log;
	c->progress = render_progress(r);
	c->cancel = &on_signal.cancel;
	c->port = parsed_str(p, "port");
	c->serial = parsed_str(p, "serial");
	c->imei = parsed_str(p, "imei");
	c->root = parsed_str(p, "root");
	c->catalog_option = parsed_str(p, "catalog");
	if (!c->root)
		c->root = getenv("SALVOR_ROOT");
	if (c->root && !c->root[0])
		c->root = NULL;
	c->timeout_ms = (uint32_t)parsed_num(p, "timeout", 0) * 1000;
	c->timeout_scale = (unsigned)parsed_num(p, "timeout-scale", 1);
}

static int run_verb(struct ctx *c, const struct parsed *p, struct err *e)
{
	int rc;

	if (needs_open(c, p, e) < 0)
		return -1;
	rc = c->cmd->run(c, p, e);
	if (rc == 0 && (c->cmd->needs & CHANGES_STORAGE) && !c->guard.was_asked)
		rc = err_set(e, ERR_BUG, "'%s' changed a module without consent", c->cmd->name);
	if (rc < 0)
		store_tell_next(c, e);
	needs_close(c);
	return rc;
}

static int dispatch(struct ctx *c, const struct parsed *p, struct err *e)
{
	if (parsed_flag(p, "version"))
		return cmd_version.run(c, p, e);
	if (p->group) {
		help_group(c->render, p->group);
		return 0;
	}
	if (parsed_flag(p, "help")) {
		if (p->cmd)
			help_cmd(c->render, p->cmd);
		else
			help_overview(c->render);
		return 0;
	}
	if (!p->cmd) {
		help_overview(c->render);
		return err_set(e, ERR_USAGE, "no verb was given");
	}
	return run_verb(c, p, e);
}

/* The log file is opened here so that a command line we refuse makes no file. */
static int run(struct ctx *c, const struct parsed *p, struct render *r, struct logsink *log,
	       struct err *e)
{
	if (logsink_open(log, r, parsed_str(p, "log"), parsed_count(p, "verbose"), e) < 0)
		return -1;
	log->quiet = parsed_flag(p, "quiet");
	fill_ctx(c, p, r, log);
	log_info(c->log, "cmd", "salvor %s, verb '%s'", PACKAGE_VERSION,
		 p->cmd ? p->cmd->name : "");
	return dispatch(c, p, e);
}

int main(int argc, char **argv)
{
	struct ctx c = { .phase = PHASE_START };
	struct logsink log = { .fd = -1 };
	struct err e = ERR_INIT, late = ERR_INIT;
	struct render_conf conf = { .progress_fd = -1 };
	struct render *r = NULL;
	struct parsed p;
	enum status status;
	int rc;

	catch_signals(&c.phase);
	rc = opts_parse(argc, (const char *const *)argv, &p, &e);
	if (p.opt) {
		conf.verb = p.cmd ? p.cmd->name : NULL;
		conf.json = parsed_flag(&p, "json") ||
			    (rc < 0 && mentions_json(argc, (const char *const *)argv));
		conf.quiet = parsed_flag(&p, "quiet");
		conf.color = (enum render_color)parsed_choice(&p, "color", RENDER_COLOR_AUTO);
		conf.progress_fd = (int)parsed_num(&p, "progress-fd", UINT64_MAX);
		conf.cancel = &on_signal.cancel;
	}
	if (render_new(&conf, &r, &late) < 0) {
		fprintf(stderr, "salvor: %s\n", late.msg);
		parsed_fini(&p);
		return STATUS_FAILED;
	}
	if (rc == 0)
		rc = run(&c, &p, r, &log, &e);
	/* What was tried and given up on the way to success is no error. */
	if (rc == 0)
		err_clear(&e);
	status = rc < 0 ? exit_of(e.kind == ERR_NONE ? ERR_BUG : e.kind, c.phase) : STATUS_OK;
	if (rc < 0)
		render_error(r, &e, words_of(status, c.phase), c.next[0] ? c.next : NULL);
	if (render_finish(r, status, &e, &late) < 0 && status == STATUS_OK) {
		status = STATUS_FAILED;
		render_error(r, &late, status, NULL);
	}
	if (c.log)
		log_debug(c.log, "cmd", "exit status %d", (int)status);
	render_free(r);
	logsink_close(&log);
	parsed_fini(&p);
	return status;
}
