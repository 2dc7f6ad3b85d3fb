/* salvor-emu: an emulated module for demonstrations and command tests. */
#include "tests/emu/emu.h"
#include "tests/emu/sockface.h"

#include "base/fs.h"

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static volatile sig_atomic_t stop;

static void on_signal(int sig)
{
	(void)sig;
	stop = 1;
}

/* What the module witnessed in this run, for tests: STATE/counters, a line each. */
static void write_counters(const struct emu *m, const char *state)
{
	const struct emu_counters *c = emu_counters(m);
	char text[1024], path[4096];
	struct err e = ERR_INIT;

	snprintf(path, sizeof(path), "%s/counters", state);
	snprintf(text, sizeof(text),
		 "pages_programmed %llu\npages_programmed_all_ff %llu\nblocks_erased %llu\n"
		 "erase_cmds %llu\nprogram_cmds %llu\nread_cmds %llu\npatch_cmds %llu\n"
		 "whole_chip_erases %llu\nrefused_cmds %llu\ndiag_requests %llu\nat_commands %llu\n"
		 "spc_tries %llu\npassword_tries %llu\nspc_locked %llu\nmode_changes %llu\n"
		 "qprtpara_copies %llu\n",
		 (unsigned long long)c->pages_programmed, (unsigned long long)c->pages_programmed_all_ff,
		 (unsigned long long)c->blocks_erased, (unsigned long long)c->erase_cmds,
		 (unsigned long long)c->program_cmds, (unsigned long long)c->read_cmds,
		 (unsigned long long)c->patch_cmds, (unsigned long long)c->whole_chip_erases,
		 (unsigned long long)c->refused_cmds, (unsigned long long)c->diag_requests,
		 (unsigned long long)c->at_commands, (unsigned long long)c->spc_tries,
		 (unsigned long long)c->password_tries, (unsigned long long)c->spc_locked,
		 (unsigned long long)c->mode_changes, (unsigned long long)c->qprtpara_copies);
	if (fs_write_file(path, SLICE(text, strlen(text)), true, &e))
		fprintf(stderr, "salvor-emu: %s\n", e.msg);
}

static int usage(void)
{
	fprintf(stderr,
		"usage: salvor-emu --model FILE --state DIR --root DIR [option]...\n"
		"  --misbehave SPEC   a word of tests/emu/quirks.md; may be repeated\n"
		"  --edl, --dump      start in download mode, in memory debug\n"
		"  --port 1.4         place behind the root hub\n"
		"  --listen tcp:PORT  the download interface as a byte stream on 127.0.0.1 too\n"
		"  --pidfile FILE     written when the module is ready\n"
		"  --once             end when the first client has gone\n"
		"  --quiet            do not tell what appears and leaves\n");
	return 2;
}

struct args {
	const char *model, *state, *pidfile;
	const char *quirk[64];
	char port[64];
	unsigned n_quirks;
	struct sockface_options face;
};

static int parse(int argc, char **argv, struct args *a)
{
	static const struct option opts[] = {
		{ "model", required_argument, NULL, 'm' },   { "state", required_argument, NULL, 's' },
		{ "root", required_argument, NULL, 'r' },    { "misbehave", required_argument, NULL, 'q' },
		{ "edl", no_argument, NULL, 'e' },	     { "dump", no_argument, NULL, 'd' },
		{ "port", required_argument, NULL, 'p' },    { "listen", required_argument, NULL, 'l' },
		{ "pidfile", required_argument, NULL, 'P' }, { "once", no_argument, NULL, 'o' },
		{ "quiet", no_argument, NULL, 'Q' },	     { NULL, 0, NULL, 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "", opts, NULL)) != -1) {
		const char *quirk = NULL;

		switch (c) {
		case 'm': a->model = optarg; break;
		case 's': a->state = optarg; break;
		case 'r': a->face.root = optarg; break;
		case 'q': quirk = optarg; break;
		case 'e': quirk = "start=edl"; break;
		case 'd': quirk = "start=dump"; break;
		case 'p':
			snprintf(a->port, sizeof(a->port), "port=%s", optarg);
			quirk = a->port;
			break;
		case 'l':
			if (strncmp(optarg, "tcp:", 4) != 0 || !strtoul(optarg + 4, NULL, 10) ||
			    strtoul(optarg + 4, NULL, 10) > 65535)
				return -1;
			a->face.tcp_port = (uint16_t)strtoul(optarg + 4, NULL, 10);
			break;
		case 'P': a->pidfile = optarg; break;
		case 'o': a->face.once = true; break;
		case 'Q': a->face.quiet = true; break;
		default: return -1;
		}
		if (quirk && a->n_quirks < 64)
			a->quirk[a->n_quirks++] = quirk;
	}
	return a->model && a->state && a->face.root && optind == argc ? 0 : -1;
}

int main(int argc, char **argv)
{
	struct sigaction sa = { .sa_handler = on_signal };
	struct args a = { 0 };
	struct err e = ERR_INIT;
	char why[256], text[32];
	struct emu *m;
	unsigned i;
	int r = 1;

	if (parse(argc, argv, &a))
		return usage();
	sigaction(SIGTERM, &sa, NULL);
	sigaction(SIGINT, &sa, NULL);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	if (emu_open(&m, a.model, a.state, why, sizeof(why))) {
		fprintf(stderr, "salvor-emu: %s\n", why);
		return 1;
	}
	for (i = 0; i < a.n_quirks; i++)
		if (emu_misbehave(m, a.quirk[i], why, sizeof(why))) {
			fprintf(stderr, "salvor-emu: %s\n", why);
			goto out;
		}
	snprintf(text, sizeof(text), "%ld\n", (long)getpid());
	if (a.pidfile && fs_write_file(a.pidfile, SLICE(text, strlen(text)), true, &e)) {
		fprintf(stderr, "salvor-emu: %s\n", e.msg);
		goto out;
	}
	a.face.stop = &stop;
	r = sockface_run(m, &a.face, &e) ? 1 : 0;
	if (r)
		fprintf(stderr, "salvor-emu: %s\n", e.msg);
	write_counters(m, a.state);
	if (a.pidfile)
		unlink(a.pidfile);
out:
	emu_close(m);
	return r;
}
