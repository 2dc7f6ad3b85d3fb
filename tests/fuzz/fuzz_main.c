/* Runs a fuzz target over every file named or found in the folders named: the corpus as a regression
 * test. Without arguments the folder is tests/fuzz/corpus/<name of the program>. Prints TAP. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int run_file(const char *path, unsigned n)
{
	FILE *f = fopen(path, "rb");
	uint8_t *data = NULL;
	size_t size = 0, cap = 0, r;

	if (!f) {
		printf("not ok %u - cannot open %s\n", n, path);
		return 1;
	}
	do {
		if (size == cap) {
			cap = cap ? 2 * cap : 4096;
			data = realloc(data, cap);
			if (!data)
				abort();
		}
		r = fread(data + size, 1, cap - size, f);
		size += r;
	} while (r);
	fclose(f);
	/* An exact-size copy, so that the address sanitizer sees the first byte past the end. */
	uint8_t *exact = malloc(size ? size : 1);
	if (!exact)
		abort();
	memcpy(exact, data, size);
	free(data);
	LLVMFuzzerTestOneInput(exact, size);
	free(exact);
	printf("ok %u - %s\n", n, strrchr(path, '/') ? strrchr(path, '/') + 1 : path);
	return 0;
}

int main(int argc, char **argv)
{
	const char *top = getenv("top_srcdir");
	const char *name = strrchr(argv[0], '/') ? strrchr(argv[0], '/') + 1 : argv[0];
	char own[4096];
	char *dflt[] = { argv[0], own };
	unsigned n = 0;
	int i, failed = 0;

	snprintf(own, sizeof(own), "%s/tests/fuzz/corpus/%s", top ? top : ".", name);
	if (argc < 2) {
		argc = 2;
		argv = dflt;
	}

	for (i = 1; i < argc; i++) {
		struct dirent **names;
		int k, count = scandir(argv[i], &names, NULL, alphasort);

		if (count < 0) {
			failed |= run_file(argv[i], ++n);
			continue;
		}
		for (k = 0; k < count; k++) {
			char path[4096];
			struct stat st;

			snprintf(path, sizeof(path), "%s/%s", argv[i], names[k]->d_name);
			free(names[k]);
			if (stat(path, &st) == 0 && S_ISREG(st.st_mode))
				failed |= run_file(path, ++n);
		}
		free(names);
	}
	if (n == 0) {
		printf("not ok 1 - no corpus file found\n");
		n = 1;
		failed = 1;
	}
	printf("1..%u\n", n);
	return failed;
}
