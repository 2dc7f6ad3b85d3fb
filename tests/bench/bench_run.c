/*
 * Runs a command and prints one row: what it was, MB/s for the bytes it moved, CPU seconds for each
 * GiB, and the peak resident set of the largest process. A failed command is said in its row; being
 * slow never fails.
 *
 *   bench-run LABEL BYTES COMMAND [ARG...]
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
	struct rusage use;
	double t0, wall, cpu, bytes;
	int status;
	pid_t pid;

	if (argc < 4) {
		fprintf(stderr, "usage: bench-run LABEL BYTES COMMAND [ARG...]\n");
		return 2;
	}
	bytes = strtod(argv[2], NULL);
	fflush(stdout);
	t0 = now();
	pid = fork();
	if (pid == 0) {
		execvp(argv[3], argv + 3);
		perror(argv[3]);
		_exit(127);
	}
	if (pid < 0 || wait4(pid, &status, 0, &use) < 0) {
		perror("bench-run");
		return 1;
	}
	wall = now() - t0;
	cpu = (double)use.ru_utime.tv_sec + (double)use.ru_utime.tv_usec / 1e6 +
	      (double)use.ru_stime.tv_sec + (double)use.ru_stime.tv_usec / 1e6;
	printf("%-34s %8.1f MB/s %8.2f s %8.2f CPU s/GiB %8ld KiB peak%s\n", argv[1],
	       bytes / 1e6 / wall, wall, bytes > 0 ? cpu / (bytes / 1073741824.0) : 0.0,
	       (long)use.ru_maxrss, WIFEXITED(status) && WEXITSTATUS(status) == 0 ? "" : "  FAILED");
	return 0;
}
