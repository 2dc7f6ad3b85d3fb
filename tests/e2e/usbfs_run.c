/*
 * usbfs-run: a command in a world where emulated modules hang on the USB.
 *
 *     usbfs-run [--host xhci|xhci-old|ehci] [--stats]
 *               --model FILE --state DIR [--port PORT] [--misbehave SPEC]... [--model ...]
 *               -- COMMAND [ARGS]
 *
 * Runs the emulated modules in this process and COMMAND as its child, which finds them through sysfs,
 * usbfs and ttys as on real hardware. Ends with the command's exit status (128 + n when signal n
 * ended it); 125 when the world could not be set up, 126 and 127 when the command could not be run.
 */
#include "tests/emu/usbface.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAX_MODULES 8
#define FAILED 125

struct module_args {
	const char *model, *state, *port;
	struct emu *emu;
};

static int usage(const char *what, const char *arg)
{
	fprintf(stderr, "usbfs-run: %s%s\nusage: usbfs-run [--host xhci|xhci-old|ehci] [--stats] --model FILE "
			"--state DIR [--port PORT] [--misbehave SPEC]... -- COMMAND [ARGS]\n", what, arg);
	return FAILED;
}

static int run(char **argv, const sigset_t *old)
{
	struct sigaction ignore = { .sa_handler = SIG_DFL };
	siginfo_t info;
	sigset_t wait;
	pid_t pid;
	int status, sig;

	fflush(NULL);
	pid = fork();
	if (pid < 0) {
		perror("usbfs-run: fork");
		return FAILED;
	}
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		/* The preload library naps after each ioctl; let these naps not be rounded up. */
		prctl(PR_SET_TIMERSLACK, 1);
		sigaction(SIGCHLD, &ignore, NULL);
		sigprocmask(SIG_SETMASK, old, NULL);
		execvp(argv[0], argv);
		fprintf(stderr, "usbfs-run: %s: %s\n", argv[0], strerror(errno));
		_exit(errno == ENOENT ? 127 : 126);
	}
	sigemptyset(&wait);
	sigaddset(&wait, SIGCHLD);
	sigaddset(&wait, SIGTERM);
	sigaddset(&wait, SIGHUP);
	sigaddset(&wait, SIGINT);
	for (;;) {
		if (waitpid(pid, &status, WNOHANG) == pid)
			break;
		sig = sigwaitinfo(&wait, &info);
		/* A terminal's ^C reaches the command by itself. */
		if (sig > 0 && sig != SIGCHLD && !(sig == SIGINT && info.si_code == SI_KERNEL))
			kill(pid, sig);
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void stats(struct usbface *f)
{
	struct usbface_counters n;

	usbface_counters(f, &n);
	fprintf(stderr, "usbfs-run: ioctls %llu, urbs out %llu in %llu, bytes out %llu, "
		"empty reaps %llu, zero packets %llu, discards %llu, overflows %llu, resets %llu, "
		"auto claims %llu, enumerations %llu\n",
		(unsigned long long)n.ioctls, (unsigned long long)n.urbs_out,
		(unsigned long long)n.urbs_in, (unsigned long long)n.bytes_out,
		(unsigned long long)n.reaps_empty, (unsigned long long)n.zero_packets,
		(unsigned long long)n.discards, (unsigned long long)n.overflows,
		(unsigned long long)n.resets, (unsigned long long)n.auto_claims,
		(unsigned long long)n.enumerations);
}

int main(int argc, char **argv)
{
	static const char *const hosts[] = { "xhci", "xhci-old", "ehci" };
	struct module_args m[MAX_MODULES] = { { NULL } };
	enum usbface_host host = USBFACE_XHCI;
	struct usbface *f = NULL;
	bool want_stats = false;
	int i, k, n = 0, status = FAILED;
	sigset_t block, old;
	char why[256];

	usbface_enter(argv);
	for (i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
		const char *o = argv[i], *v = i + 1 < argc ? argv[i + 1] : NULL;

		if (strcmp(o, "--stats") == 0) {
			want_stats = true;
			continue;
		}
		if (v == NULL)
			return usage("no value for ", o);
		i++;
		if (strcmp(o, "--host") == 0) {
			for (k = 0; k < 3 && strcmp(v, hosts[k]) != 0; k++)
				;
			if (k == 3)
				return usage("no such host: ", v);
			host = (enum usbface_host)k;
		} else if (strcmp(o, "--model") == 0) {
			if (n == MAX_MODULES)
				return usage("too many modules: ", v);
			m[n++].model = v;
		} else if (n > 0 && strcmp(o, "--state") == 0) {
			m[n - 1].state = v;
		} else if (n > 0 && strcmp(o, "--port") == 0) {
			m[n - 1].port = v;
		} else if (n > 0 && strcmp(o, "--misbehave") == 0) {
			/* Second pass: the module must be open. */
		} else {
			return usage("unknown option or no --model before it: ", o);
		}
	}
	if (i >= argc - 1 || n == 0)
		return usage("no module or no command", "");
	sigemptyset(&block);
	sigaddset(&block, SIGCHLD);
	sigaddset(&block, SIGTERM);
	sigaddset(&block, SIGHUP);
	sigaddset(&block, SIGINT);
	sigprocmask(SIG_BLOCK, &block, &old);
	for (k = 0; k < n; k++) {
		if (m[k].state == NULL) {
			status = usage("no --state for ", m[k].model);
			goto out;
		}
		if (emu_open(&m[k].emu, m[k].model, m[k].state, why, sizeof(why)) != 0) {
			fprintf(stderr, "usbfs-run: %s: %s\n", m[k].model, why);
			goto out;
		}
	}
	for (k = -1, n = 0; n < i; n++) {
		if (strcmp(argv[n], "--model") == 0)
			k++;
		if (strcmp(argv[n], "--misbehave") == 0 &&
		    emu_misbehave(m[k].emu, argv[n + 1], why, sizeof(why)) != 0) {
			fprintf(stderr, "usbfs-run: %s: %s\n", argv[n + 1], why);
			goto out;
		}
	}
	if (usbface_open(&f, host, why, sizeof(why)) != 0) {
		fprintf(stderr, "usbfs-run: %s\n", why);
		goto out;
	}
	for (k = 0; k < MAX_MODULES && m[k].emu != NULL; k++)
		if (usbface_plug(f, m[k].emu, m[k].port, why, sizeof(why)) != 0) {
			fprintf(stderr, "usbfs-run: %s: %s\n", m[k].model, why);
			goto out;
		}
	status = run(argv + i + 1, &old);
	if (want_stats)
		stats(f);
out:
	usbface_close(f);
	for (k = 0; k < MAX_MODULES; k++)
		if (m[k].emu != NULL)
			emu_close(m[k].emu);
	return status;
}
