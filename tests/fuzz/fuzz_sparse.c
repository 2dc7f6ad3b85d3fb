#include "image/sparse.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct sum {
	int result;
	uint64_t runs, sectors, bytes;
};

static struct sum run(struct slice file, size_t piece)
{
	struct sum sum = { 0 };
	struct sparse s;
	struct err e = ERR_INIT;

	sparse_init(&s, 512, 0);
	while (file.n) {
		struct slice in = slice_sub(file, 0, piece);
		enum sparse_event event;

		file = slice_sub(file, in.n, SIZE_MAX);
		while ((event = sparse_next(&s, &in, &e)) != SPARSE_MORE) {
			if (event == SPARSE_FAILED) {
				sum.result = -1;
				return sum;
			}
			if (event == SPARSE_DATA) {
				sum.bytes += s.data.n;
				continue;
			}
			/* Runs follow each other and stay within the image. */
			if (s.run.sectors == 0 || s.run.sector != sum.sectors)
				abort();
			sum.runs++;
			sum.sectors += s.run.sectors;
			if (sum.sectors * 512 > sparse_output_bytes(&s))
				abort();
		}
		if (in.n)
			abort();
	}
	sum.result = sparse_end(&s, &e);
	if (sum.result == 0 && sum.sectors * 512 != sparse_output_bytes(&s))
		abort();
	return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sum whole = run(SLICE(data, size), SIZE_MAX), cut = run(SLICE(data, size), 13);

	if (whole.result != cut.result || whole.runs != cut.runs || whole.sectors != cut.sectors)
		abort();
	return 0;
}
